// The faults that every message can have: section 4's rules of form, key and signature.
import { claims, edit, forge, headerOf, longest, overLong, padded, swap, trailingBit } from './forge.mjs';
import * as signs from './sign.mjs';

const { b64 } = signs;

/** [name, rule, change] of every fault in the envelope: refused before any key is looked at. */
export function envelopeFaults(kind, foreign) {
  const header = headerOf(kind, kind.key.kid);
  const withHeader = (text, sign = kind.sign) => ({ header: text, sign });
  const before = (member) => withHeader(`{${member},${header.slice(1)}`);
  const after = (member) => withHeader(`${header.slice(0, -1)},${member}}`);
  const alg = (name, sign) => withHeader(swap(header, kind.alg, name), sign);
  const none = () => Buffer.alloc(0);
  return [
    ['empty', 'three parts', { finish: () => '' }],
    ['two-parts', 'three parts', { finish: (jws) => jws.slice(0, jws.lastIndexOf('.')) }],
    ['four-parts', 'three parts', { finish: (jws) => `${jws}.` }],
    ['json-serialization', 'compact serialization', { finish: flattened }],
    ['leading-space', 'no white space', { finish: (jws) => ` ${jws}` }],
    ['trailing-newline', 'no white space', { finish: (jws) => `${jws}\n` }],
    ['trailing-carriage-return', 'no white space', { finish: (jws) => `${jws}\r` }],
    [
      'space-in-payload',
      'no white space',
      { spellPayload: (text) => `${text.slice(0, 8)} ${text.slice(8)}` },
    ],
    ['padding-in-header', 'no padding', { spellHeader: padded }],
    ['padding-in-payload', 'no padding', { spellPayload: padded }],
    ['padding-in-signature', 'no padding', { spellSignature: padded }],
    ...trailingBits(kind, header),
    ['standard-alphabet', 'base64url, not base64', standardAlphabet(kind)],
    [
      'foreign-character',
      'base64url only',
      { spellPayload: (text) => `${text.slice(0, 8)}*${text.slice(8)}` },
    ],
    [
      'one-character-over',
      'whole bytes only',
      { spellSignature: (text) => `${text}${'A'.repeat(5 - (text.length % 4))}` },
    ],
    ['alg-none', 'alg is pinned', alg('none', none)],
    ['alg-none-signed', 'alg is pinned', alg('none')],
    ['alg-hs256-public-key', 'alg is pinned', alg('HS256', signs.hmac)],
    ['alg-lower-case', 'alg is pinned', alg(kind.alg.toLowerCase())],
    ['typ-other-message', 'typ is pinned', withHeader(swap(header, kind.typ, foreign.typ))],
    ['typ-jwt', 'typ is pinned', withHeader(swap(header, kind.typ, 'JWT'))],
    ['typ-media-type', 'typ is pinned', withHeader(swap(header, kind.typ, `application/${kind.typ}`))],
    ['typ-missing', 'typ is pinned', withHeader(swap(header, `,"typ":"${kind.typ}"`, ''))],
    ['kid-missing', 'kid is present', withHeader(swap(header, `"kid":"${kind.key.kid}",`, ''))],
    ['kid-short', 'kid is a thumbprint', withHeader(swap(header, kind.key.kid, kind.key.kid.slice(1)))],
    ['kid-long', 'kid is a thumbprint', withHeader(swap(header, kind.key.kid, `${kind.key.kid}A`))],
    [
      'kid-foreign-character',
      'kid is a thumbprint',
      withHeader(swap(header, kind.key.kid, `${kind.key.kid.slice(0, -1)}/`)),
    ],
    ['header-crit', 'no other header member', after('"crit":["exp"]')],
    ['header-b64-false', 'no other header member', after('"b64":false')],
    ['header-embedded-jwk', 'no other header member', after(`"jwk":${JSON.stringify(foreign.key.jwk)}`)],
    ['header-jku', 'no other header member', after('"jku":"https://example.com/jwks.json"')],
    ['header-member-first', 'no other header member', before('"cty":"JWT"')],
    ['header-duplicate-alg', 'no duplicate header member', before('"alg":"none"')],
    ['header-duplicate-kid', 'no duplicate header member', after(`"kid":"${kind.key.kid}"`)],
    [
      'header-reordered',
      'header members are in order',
      withHeader(`{"typ":"${kind.typ}","alg":"${kind.alg}","kid":"${kind.key.kid}"}`),
    ],
    ['header-white-space', 'no white space in the header', withHeader(swap(header, '"alg":', '"alg": '))],
    ['header-trailing-space', 'no white space in the header', withHeader(`${header} `)],
    ['header-escape', 'no escapes in the header', withHeader(swap(header, '"typ"', '"t\\u0079p"'))],
    ['header-byte-order-mark', 'nothing before the header', withHeader(`\uFEFF${header}`)],
    ['header-empty', 'the header is an object', withHeader('')],
    ['other-message', 'one message is not another', { finish: () => forge(foreign) }],
  ];
}

/** Non-zero trailing bits in each part that has any to spare: those that are not whole groups of three bytes. */
function trailingBits(kind, header) {
  const parts = { Header: header, Payload: JSON.stringify(kind.claims), Signature: kind.sign(kind.key, '') };
  return Object.entries(parts)
    .filter(([, bytes]) => bytes.length % 3 !== 0)
    .map(([part]) => [
      `trailing-bits-in-${part.toLowerCase()}`,
      'trailing bits are zero',
      { [`spell${part}`]: trailingBit },
    ]);
}

/** The signature is made until its text has a character that the two alphabets spell differently. */
const standardAlphabet = (kind) => ({
  sign(key, input) {
    for (;;) {
      const signature = kind.sign(key, input);
      if (/[-_]/.test(b64(signature))) return signature;
    }
  },
  spellSignature: (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
});

function flattened(jws) {
  const [header, payload, signature] = jws.split('.');
  return JSON.stringify({ protected: header, payload, signature });
}

/** [name, rule, change] of keys that are not the verifier's. */
export function keyFaults(kind, stranger) {
  const last = kind.key.kid.at(-1) === 'A' ? 'E' : 'A';
  return [
    ['foreign-kid', "keys come from the verifier's own store", { key: stranger }],
    [
      'kid-one-character-off',
      'kid names a key exactly',
      { header: headerOf(kind, kind.key.kid.slice(0, -1) + last) },
    ],
    ['kid-trailing-bits', 'kid names a key exactly', { header: headerOf(kind, trailingBit(kind.key.kid)) }],
  ];
}

/** [name, rule, change] of signatures that must not hold. */
export function signatureFaults(kind, stranger) {
  const tampered = { ...kind.claims, ...kind.tampered };
  return [
    [
      'signed-by-another-key',
      'the key is the one that kid names',
      { header: headerOf(kind, kind.key.kid), key: stranger },
    ],
    ['signature-bit-flipped', 'the signature holds', { sign: (key, input) => flip(kind.sign(key, input)) }],
    ['signature-empty', 'the signature holds', { sign: () => Buffer.alloc(0) }],
    [
      'signature-zeros',
      'the signature holds',
      { sign: (key, input) => Buffer.alloc(kind.sign(key, input).length) },
    ],
    [
      'signature-short',
      'the signature has its length',
      { sign: (key, input) => kind.sign(key, input).subarray(1) },
    ],
    [
      'signature-long',
      'the signature has its length',
      { sign: (key, input) => Buffer.concat([kind.sign(key, input), Buffer.alloc(1)]) },
    ],
    [
      'signature-leading-zero',
      'the signature has its length',
      { sign: (key, input) => Buffer.concat([Buffer.alloc(1), kind.sign(key, input)]) },
    ],
    [
      'signature-over-payload',
      'the signature covers header and payload',
      { sign: (key, input) => kind.sign(key, input.split('.')[1]) },
    ],
    [
      'signature-over-bytes',
      'the signature covers the parts as they are spelled',
      {
        sign: (key, input) =>
          kind.sign(
            key,
            input
              .split('.')
              .map((part) => Buffer.from(part, 'base64url'))
              .join('.'),
          ),
      },
    ],
    [
      'claims-changed-after-signing',
      'the signature covers the payload',
      { finish: (jws) => jws.replace(/\.[^.]*\./, `.${b64(JSON.stringify(tampered))}.`) },
    ],
    ['hmac-public-key', 'no secret-key algorithm', { sign: signs.hmac }],
    ...(kind.alg === 'PS256' ? pssFaults : ecdsaFaults),
  ];
}

const flip = (signature) => Buffer.from(signature).fill(signature[40] ^ 1, 40, 41);

const saltFault = (salt) => [
  `pss-salt-${salt}`,
  'the PSS salt is exactly 32 bytes',
  { sign: signs.pss({ salt }) },
];

const pssFaults = [
  ...[0, 20, 31, 33, 48, 222, 350].map(saltFault),
  ['pss-mgf1-sha1', 'MGF1 is over SHA-256', { sign: signs.pss({ mgf: 'sha1' }) }],
  ['pss-sha384', 'the digest is SHA-256', { sign: signs.pss({ hash: 'sha384' }) }],
  ['pss-sha512-256', 'the digest is SHA-256', { sign: signs.pss({ hash: 'sha512-256' }) }],
  ['pss-trailer', 'the trailer is 0xbc', { sign: signs.pss({ trailer: 0xcc }) }],
  ['pss-above-modulus', 'the signature is below the modulus', { sign: signs.pssPlusModulus }],
  ['pkcs1-signature', 'PSS, not PKCS #1 v1.5', { sign: signs.pkcs1 }],
];

const p384 = signs.ecKey('P-384');
const secp256k1 = signs.ecKey('secp256k1');

const ecdsaFaults = [
  ['ecdsa-der', 'r and s side by side, not DER', { sign: signs.ecdsaDer }],
  ['ecdsa-sha512', 'the digest is SHA-256', { sign: signs.ecdsa('sha512') }],
  ['ecdsa-r-zero', 'r is from 1 to below the order', { sign: signs.ecdsaWith('r', 0) }],
  ['ecdsa-s-zero', 's is from 1 to below the order', { sign: signs.ecdsaWith('s', 0) }],
  ['ecdsa-r-order', 'r is from 1 to below the order', { sign: signs.ecdsaWith('r', 'order') }],
  ['ecdsa-s-order', 's is from 1 to below the order', { sign: signs.ecdsaWith('s', 'order') }],
  ['ecdsa-p384', 'the curve is P-256', { sign: (_, input) => signs.ecdsa()(p384, input) }],
  ['ecdsa-secp256k1', 'the curve is P-256', { sign: (_, input) => signs.ecdsa()(secp256k1, input) }],
];

/** [name, rule, change] of payloads with a good signature that are not in canonical form. */
export function payloadFaults(kind) {
  const payload = JSON.stringify(kind.claims);
  const names = Object.keys(kind.claims);
  const [first, second] = names;
  const member = (name) => `${JSON.stringify(name)}:${JSON.stringify(kind.claims[name])}`;
  const body = payload.slice(1, -1);
  const raw = (text) => ({ payload: text });
  return [
    ['payload-empty', 'the payload is an object', raw('')],
    ['payload-array', 'the payload is an object', raw(`[${payload}]`)],
    ['payload-null', 'the payload is an object', raw('null')],
    ['payload-string', 'the payload is an object', raw('"claims"')],
    ['payload-truncated', 'the payload is JSON', raw(payload.slice(0, -1))],
    ['payload-byte-order-mark', 'nothing before the payload', raw(`\uFEFF${payload}`)],
    ['payload-trailing-nul', 'nothing after the payload', raw(`${payload}\0`)],
    ['payload-trailing-newline', 'no white space', raw(`${payload}\n`)],
    ['payload-space-after-colon', 'no white space', raw(payload.replace(':', ': '))],
    ['payload-space-after-comma', 'no white space', raw(payload.replace(',"', ', "'))],
    ['payload-trailing-comma', 'the payload is JSON', raw(`{${body},}`)],
    [
      'members-reordered',
      'members are in order',
      raw(swap(payload, `${member(first)},${member(second)}`, `${member(second)},${member(first)}`)),
    ],
    ['member-duplicate-same', 'no duplicate members', raw(`{${member(first)},${body}}`)],
    ['member-duplicate-first-wrong', 'no duplicate members', raw(`{"${first}":"X",${body}}`)],
    ['member-duplicate-last-wrong', 'no duplicate members', raw(`{${body},"${first}":"X"}`)],
    ['member-added', 'no members of one’s own', raw(`{${body},"x":1}`)],
    ['member-proto', 'no members of one’s own', raw(`{${body},"__proto__":{}}`)],
    [
      'member-name-escaped',
      'no escapes',
      raw(swap(payload, `{"${first}"`, `{"\\u00${first.charCodeAt(0).toString(16)}${first.slice(1)}"`)),
    ],
    ...names
      .filter((name) => !kind.optional.includes(name))
      .map((name) => [`without-${name}`, `${name} is present`, claims(kind, { [name]: undefined })]),
    ...kind.optional.map((name) => [
      `${name}-null`,
      'an absent member is absent, not null',
      claims({ claims: kind.claims[name] === undefined ? kind.withAll : kind.claims }, { [name]: null }),
    ]),
    ...integerFaults(kind),
    ...textFaults(kind),
  ];
}

/** Every spelling of an integer but the one that is allowed. `kind.integer` names a claim to spell. */
function integerFaults(kind) {
  if (kind.integer === undefined) return [];
  const value = kind.integerValue;
  const place = `"${kind.integer}":${value}`;
  const spelled = (text) => edit(kind, place, `"${kind.integer}":${text}`);
  const rule = 'integers are 0 or [1-9][0-9]{0,9}, at most 4294967295';
  const spellings = {
    'integer-string': `"${value}"`,
    'integer-point-zero': `${value}.0`,
    'integer-fraction': `${value}.5`,
    'integer-exponent': `${value}e0`,
    'integer-leading-zero': `0${value}`,
    'integer-plus': `+${value}`,
    'integer-negative': `-${value}`,
    ...(kind.integerFromZero && { 'integer-minus-zero': '-0' }),
    'integer-hexadecimal': `0x${value.toString(16)}`,
    'integer-2-32': '4294967296',
    'integer-wraps-at-32-bits': String(2n ** 32n + BigInt(value)),
    'integer-wraps-at-64-bits': String(2n ** 64n + BigInt(value)),
    'integer-not-exact': `${value}.00000000000000000001`,
    'integer-infinite': '1e400',
    'integer-many-digits': '9'.repeat(100),
    'integer-true': 'true',
    'integer-array': `[${value}]`,
    'integer-object': '{"toString":1,"valueOf":1}',
  };
  return Object.entries(spellings).map(([name, text]) => [name, rule, spelled(text)]);
}

/** Strings that are not printable ASCII without `"` and `\`, or too long. `kind.text` names a claim. */
function textFaults(kind) {
  if (kind.text === undefined) return [];
  const value = kind.claims[kind.text];
  const spelled = (text, encoding = 'utf8') => ({
    payload: Buffer.from(
      edit(kind, `"${kind.text}":"${value}"`, `"${kind.text}":"${text}"`).payload,
      encoding,
    ),
  });
  const ascii = 'strings are printable ASCII without " and \\';
  return [
    ['text-empty', 'a name has 1 to 64 characters', spelled('')],
    ['text-65', 'a name has 1 to 64 characters', spelled('x'.repeat(65))],
    ['text-escape', 'no escapes', spelled(`\\u00${value.charCodeAt(0).toString(16)}${value.slice(1)}`)],
    ['text-escaped-slash', 'no escapes', spelled(`${value}\\/`)],
    ['text-quote', ascii, spelled(`${value}\\"`)],
    ['text-backslash', ascii, spelled(`${value}\\\\`)],
    ['text-utf8', ascii, spelled(`${value}\u00e9`)],
    ['text-latin1', ascii, spelled(`${value}\u00e9`, 'latin1')],
    ['text-delete', ascii, spelled(`${value}\u007f`)],
    ['text-newline', ascii, spelled(`${value}\\n`)],
    ['text-raw-newline', ascii, spelled(`${value}\n`)],
    ['text-nul', ascii, spelled(`${value}\\u0000`)],
    ['text-number', 'a name is a string', edit(kind, `"${value}"`, '7')],
  ];
}

/** [name, rule, change, expect] of two faults at once: the check that comes first decides. */
export function orderFaults(kind, message, stranger) {
  const size = `a ${message} has at most ${kind.most} bytes`;
  const unsigned = Buffer.alloc(kind.sign(kind.key, '').length);
  const refused = (cme) => ({ accepted: false, cme });
  return [
    ['order-over-long-before-signature', size, overLong(kind), refused(901)],
    ['order-signature-before-payload', size, longest(kind), refused(902)],
    [
      'order-key-before-signature',
      'key before signature',
      { key: stranger, sign: () => unsigned },
      refused(905),
    ],
  ];
}
