// What scripts/guards.mjs takes out. By file: what the guard holds → [where it stands, what stands there
// instead, the test that must notice where it is not the vectors]. Two are missing: `kty` of a key, which its
// thumbprint implies.
import { readFileSync } from 'node:fs';
import { listed } from './take.mjs';

const byFile = {
  'base64url.ts': {
    'one spelling only': ["bytes.toString('base64url') === text ?", 'true ?'],
  },

  'jwk.ts': {
    'one key has one spelling': [' || thumbprint(key.export(', ' || !(key.export(', 'jwk'],
    'modulus: canonical': ['return bytes !== undefined && ', 'return '],
    'modulus: length': ['bytes.length === bits / 8 && ', ''],
    'modulus: top bit': [' && (bytes[0] ?? 0) >= 0x80', ''],
  },

  'jws.ts': {
    'most bytes': [
      "if (jws.length > message.most) throw new MessageError('form'",
      "if (false) throw new MessageError('form'",
    ],
    'most bytes themselves': [
      'if (jws.length > message.most) throw new MessageError',
      'if (jws.length >= message.most) throw new MessageError',
    ],
    'three parts': ['parts.length !== 3 || ', ''],
    'header is base64url': ['head === undefined || ', ''],
    'payload is base64url': ['body === undefined || ', ''],
    'signature is base64url': [' || tail === undefined', ''],
    'kid is a thumbprint': ['/^[\\w-]{43}$/.test(kid) && ', ''],
    'header byte for byte': [' && text === header(message, kid) ?', ' ?'],
    'header alg': ['text === header(message, kid)', 'text.slice(15) === header(message, kid).slice(15)'],
    'header typ': ['text === header(message, kid)', 'text.startsWith(header(message, kid).slice(0, 67))'],
    'header end': ['text === header(message, kid)', 'text.startsWith(header(message, kid).slice(0, -1))'],
    'unknown key': ['if (key === undefined) throw', 'if (key === undefined) return; if (false) throw'],
    signature: ['if (!signatureHolds(message, envelope, key)) throw', 'if (false) throw'],
    'PSS, not PKCS #1': ['padding: constants.RSA_PKCS1_PSS_PADDING', 'padding: constants.RSA_PKCS1_PADDING'],
    'salt length': ['saltLength: 32', 'saltLength: constants.RSA_PSS_SALTLEN_AUTO'],
    'RSA key for PS256': ["if (key.asymmetricKeyType !== 'rsa') return false;", '', 'jws'],
    'P-256 key for ES256': ["key.asymmetricKeyDetails?.namedCurve !== 'prime256v1' || ", '', 'jws'],
    'r‖s, not DER': ["dsaEncoding: 'ieee-p1363'", "dsaEncoding: 'der'"],
    'signature before payload': [
      '  checkSignature(message, envelope, keys);\n  return',
      '  decodePayload(message, envelope.payload);\n  checkSignature(message, envelope, keys);\n  return',
    ],
    'signature of a message': ['  checkSignature(message, envelope, keys);\n  return', '  return'],
    'payload is canonical': [' || !Buffer.from(JSON.stringify(claims)).equals(payload)', ''],
    'payload has claims': ['claims === undefined || !Buffer', '!Buffer'],
    'claims agree': ['claims !== undefined && message.agree(claims) ?', 'claims !== undefined ?'],
    'payload is JSON': ['} catch {\n    return undefined;', '} finally {'],
  },

  'claims.ts': {
    'claims are an object': ["typeof value !== 'object' || value === null", 'value === null'],
    'claims are not null': ["typeof value !== 'object' || value === null", "typeof value !== 'object'"],
    'a member is missing': ["if ('optional' in kind) continue;\n      return undefined;", 'continue;'],
    'a member fits its kind': ['if (claim === undefined) return undefined;', ''],
    'no other member': ['given.size === 0 ?', 'true ?', 'jws'],
    'a list is an array': ['!Array.isArray(value) || ', ''],
    'a list is not too short': ['value.length < least || ', ''],
    'a list is not too long': [' || value.length > most', ''],
    'list items fit': ['items.every((item) => item !== undefined) ?', 'true ?'],
    'words are from a list': ['words.find((word) => word === value)', 'value'],
    'patterns match': [' && pattern.test(value) ?', ' ?'],
    'patterns are of strings': ["typeof value === 'string' && pattern", 'pattern'],
    'text is not empty': ['-~]{1,', '-~]{0,'],
    'text is not too long': ['-~]{1,$', '-~]{1,9$'],
    'text begins': ['^[ !#-[', '[ !#-['],
    'text without "': ['[ !#-[', '[ -['],
    'text without \\': ['#-[\\\\]-~]', '#-~]'],
    'text without controls and delete': ['#-[\\\\]-~]', '#-[\\\\]-~\\0-\\x1f\\x7f]'],
    'text is ASCII': ['#-[\\\\]-~]', '#-[\\\\]-~\\x80-\\xff]', 'jws'],
    'an integer is a number': ["typeof value === 'number' && value >>> 0", 'value >>> 0'],
    'an integer is whole': ['value >>> 0 === value', 'value >>> 0 === Math.floor(value)'],
    'an integer is not negative': ['value >>> 0 === value', 'Math.abs(value) >>> 0 === Math.abs(value)'],
    'an integer has 32 bits': ['value >>> 0 === value', 'value >= 0 && value % 1 === 0'],
    'an integer has all 32 bits': ['value >>> 0 === value', 'value >>> 1 === value / 2'],
    'counters start at 1': ['uint.read(value) || undefined', 'uint.read(value)'],
    'bytes are a string': ["typeof value === 'string' && decodeBase64url", 'decodeBase64url'],
    'bytes have their length': [
      'decodeBase64url(value)?.length === length',
      'decodeBase64url(value) !== undefined',
    ],
    'bytes are base64url': [
      'decodeBase64url(value)?.length ===',
      "Buffer.from(value, 'base64url').length ===",
    ],
    'some bytes are a string': ["typeof value === 'string' ? (decodeBase64url", 'true ? (decodeBase64url'],
    'some bytes are one or more': ['length >= 1 && length <= most', 'length <= most'],
    'some bytes are not too many': ['length >= 1 && length <= most', 'length >= 1'],
    'some bytes are base64url': [
      '(decodeBase64url(value)?.length ?? 0)',
      "Buffer.from(value, 'base64url').length",
    ],
    'hwid characters': ['/^[A-Z0-9._-]{8', '/^[A-Z0-9._/-]{8'],
    'hwid upper case': ['{8,64}$/', '{8,64}$/i'],
    'hwid begins': ['/^[A-Z0-9._-]{8', '/[A-Z0-9._-]{8'],
    'hwid least': ['{8,64}', '{7,64}'],
    'hwid most': ['{8,64}', '{8,65}'],
    'jti lower case': ['[0-9a-f]{12}$/', '[0-9a-f]{12}$/i'],
    'jti hyphens': ['/^[0-9a-f]{8}-', '/^[0-9a-f]{8}-?'],
    'jti version': ['-7[0-9a-f]{3}-', '-[0-9a-f]{4}-'],
    'jti variant': ['-[89ab][0-9a-f]{3}-', '-[0-9a-f]{4}-'],
    'jti end': ['[0-9a-f]{12}$/', '[0-9a-f]{12}/'],
    'password version': ['ver: positive', 'ver: uint'],
    'hash scheme': ['/^\\$6\\$', '/^\\$[0-9]\\$'],
    'hash beginning': ['/^\\$6\\$', '/\\$6\\$'],
    'hash end': ['{85}[./01]$/', '{85}[./01]/'],
    'hash trailing bits': ['{85}[./01]', '{86}'],
    'hash length': ['{85}[./01]', '{1,85}[./01]'],
    'hash rounds, no leading zero': ['rounds=[1-9]', 'rounds=[0-9]'],
    'hash rounds, least': ['[0-9]{3,8}', '[0-9]{2,8}'],
    'hash rounds, most': ['[0-9]{3,8}', '[0-9]{3,9}'],
    'hash salt, least': ['{1,16}', '{0,16}'],
    'hash salt, most': ['{1,16}', '{1,17}'],
    'hash salt, characters': ['[./0-9A-Za-z]{1,16}', '[./0-9A-Za-z:]{1,16}'],
    'RSA modulus is a string': ['n: text(683)', 'n: { read: (value) => value }'],
    'RSA exponent': ["e: oneOf('AQAB')", 'e: text(8)'],
    'RSA modulus bits': ['isModulus(jwk.n, bits) && ', ''],
    'RSA thumbprint': [
      ' && thumbprint(jwk) === jwk.kid ? jwk : undefined;\n    },\n  };\n}',
      ' ? jwk : undefined;\n    },\n  };\n}',
    ],
    'log key curve': ["crv: oneOf('Ed25519')", 'crv: text(8)'],
    'log key bytes': ['x: bytes(32)', 'x: text(99)'],
    'log key thumbprint': [
      'return jwk !== undefined && thumbprint(jwk) === jwk.kid ?',
      'return jwk !== undefined ?',
    ],
  },

  'messages.ts': {
    'most bytes of a challenge': ["'ES256', 768, {", "'ES256', 769, {"],
    'most bytes of a token': [
      "'latchkey-unlock+jwt',\n  'PS256',\n  2048",
      "'latchkey-unlock+jwt',\n  'PS256',\n  2052",
    ],
    'most bytes of a receipt': [
      "'latchkey-receipt+jwt',\n  'ES256',\n  768",
      "'latchkey-receipt+jwt',\n  'ES256',\n  769",
    ],
    'most bytes of a manifest': ['8192', '8193'],
    'most bytes of a bundle': [
      "'latchkey-bundle+jwt',\n  'PS256',\n  2048",
      "'latchkey-bundle+jwt',\n  'PS256',\n  2049",
    ],
    'most bytes of a csr': [
      "'latchkey-csr+jwt',\n  'ES256',\n  768",
      "'latchkey-csr+jwt',\n  'ES256',\n  769",
    ],
    'most bytes of a certificate': ["'PS256', 4096", "'PS256', 4097"],
    'a csr has a point': ['isPoint(x, y)', 'true'],
    'bytes of a certificate, most': ['bytesUpTo(1536)', 'bytesUpTo(1537)'],
    'a token lives': ['exp > iat && ', ''],
    'a token does not live long': [' && exp - iat <= LONGEST_TOKEN', ''],
    'longest life': ['LONGEST_TOKEN = 3600', 'LONGEST_TOKEN = 3601'],
    'why fits the event': ['reasons[event].includes(why) && ', ''],
    'dig with provisioned': [
      "(dig !== undefined) === (event === 'provisioned')",
      "(dig === undefined || event === 'provisioned')",
    ],
    'dig with nothing else': [
      "(dig !== undefined) === (event === 'provisioned')",
      "(dig !== undefined || event !== 'provisioned')",
    ],
    'no key twice': ['new Set(kids).size === kids.length', 'true'],
    'no issuer key twice': ['[...keys, ...log, ...roots]', '[...log, ...roots]'],
    'no log key twice': ['[...keys, ...log, ...roots]', '[...keys, ...roots]'],
    'no successor twice': ['[...keys, ...log, ...roots]', '[...keys, ...log]'],
    'issuer keys, most': ['rsaKey(3072), 1, 3', 'rsaKey(3072), 1, 4'],
    'issuer keys, least': ['rsaKey(3072), 1, 3', 'rsaKey(3072), 0, 3'],
    'log keys, most': ['logKey, 1, 2', 'logKey, 1, 3'],
    'log keys, least': ['logKey, 1, 2', 'logKey, 0, 2'],
    'successors, least': ['rsaKey(4096), 2, 2', 'rsaKey(4096), 1, 2'],
    'successors, most': ['rsaKey(4096), 2, 2', 'rsaKey(4096), 2, 3'],
    'sub with dkt': ['(sub === undefined) === (dkt === undefined) && ', ''],
    'dkt with pw': [' && (dkt === undefined) === (pw === undefined)', ''],
  },

  'checks.ts': {
    'live challenge': ['if (live === undefined) return', 'if (false) return'],
    'live challenge before the key': [
      '    if (live === undefined) return { ok: false, cme: 904, nonceDies };\n    checkSignature(unlockToken, envelope, state.keys);',
      '    checkSignature(unlockToken, envelope, state.keys);\n    if (live === undefined) return { ok: false, cme: 904, nonceDies };',
    ],
    'signature of a token': ['checkSignature(unlockToken, envelope, state.keys);', ''],
    'the nonce dies': ['nonceDies = true;', ''],
    'the nonce dies no sooner': ['let nonceDies = false;', 'let nonceDies = true;'],
    'the nonce dies before the payload is read': [
      '    nonceDies = true;\n    const token = decodePayload(unlockToken, envelope.payload);',
      '    const token = decodePayload(unlockToken, envelope.payload);\n    nonceDies = true;',
    ],
    'token aud': ['aud === AUDIENCE && iss === state.iss }', 'iss === state.iss }'],
    'token iss': ['aud === AUDIENCE && iss === state.iss }', 'aud === AUDIENCE }'],
    'token sub': ['=> sub === hwid', '=> true'],
    'token nonce': ['=> nonce === live.nonce', '=> true'],
    'token exp': ['now === undefined || now < exp', 'true'],
    'token exp itself': ['now < exp', 'now <= exp'],
    'no clock, no exp': ['now === undefined || now < exp', '(now ?? Infinity) < exp'],
    'token scope': ['token.scope === live.scope && ', ''],
    'token for': [' && token.for <= live.for', ''],
    'token pw': ['pw.ver > pwv', 'true'],
    'token pw, same version': ['pw.ver > pwv', 'pw.ver >= pwv'],
    'same bytes again': ['if (jws === held?.jws) return', 'if (false) return'],
    'stale manifest': ['if (held !== undefined && manifest.ver <= held.ver) return', 'if (false) return'],
    'stale manifest of the same version': ['manifest.ver <= held.ver', 'manifest.ver < held.ver'],
    'provisioned once': ['if (state.provisioned) return', 'if (false) return'],
    'bundle aud': ['aud !== AUDIENCE || iss !== state.iss', 'iss !== state.iss'],
    'bundle iss': ['aud !== AUDIENCE || iss !== state.iss', 'aud !== AUDIENCE'],
    'bundle sub': ['sub !== state.hwid || ', ''],
    'bundle dkt': [' || dkt !== state.dkt', ''],
    'bundle pw': ['if (pw !== undefined && pw.ver <= state.pwv) return', 'if (false) return'],
    'bundle pw, same version': ['pw.ver <= state.pwv', 'pw.ver < state.pwv'],
    ...orderOfCauses(),
  },

  'certificate-check.ts': {
    'provisioned first': ['if (!state.provisioned) return', 'if (false) return'],
    'certificate aud': ['aud !== AUDIENCE || iss !== state.iss', 'iss !== state.iss'],
    'certificate iss': ['aud !== AUDIENCE || iss !== state.iss', 'aud !== AUDIENCE'],
    'certificate sub': ['sub !== state.hwid || ', ''],
    'certificate dkt': [' || dkt !== state.dkt', ''],
    'certificate after a csr': ['state.tls === undefined || ', ''],
    'certificate of this key': [' || !certifies(crt, state.tls)', ''],
  },

  'der.ts': {
    'a certificate is a sequence': ['element(der, 0, SEQUENCE)', 'element(der, 0, der[0] ?? 0)'],
    'nothing after a certificate': [' || certificate.end !== der.length', ''],
    'the elements before the key': [
      'if (passed === undefined) return undefined;',
      'if (passed === undefined) continue;',
    ],
    'an element has its tag': ['found === tag && shortest', 'shortest'],
    'lengths are short': ['found === tag && shortest ?', 'found === tag ?'],
    'the first element is within': [' || tbs.end > certificate.end', ''],
    'the key is within': [' || key.end > tbs.end', ''],
  },
};

/** Each cause of a token before the one that it follows. */
function orderOfCauses() {
  const causes = readFileSync(new URL('../../protocol/checks.ts', import.meta.url), 'utf8').match(
    /^ {2}\{ cme: 9.*$/gm,
  );
  return Object.fromEntries(
    causes.slice(1).map((cause, index) => {
      const before = causes[index];
      return [`order of causes: ${cause.slice(4, 12)}`, [`${before}\n${cause}`, `${cause}\n${before}`]];
    }),
  );
}

export const guards = listed(byFile);
