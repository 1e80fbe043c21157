// Vectors of the key manifest, which a module checks under the roots that it holds.
import { orderFaults } from './faults.mjs';
import { claims, edit, padded, trailingBit } from './forge.mjs';
import * as signs from './sign.mjs';

export function manifest(keys) {
  const state = { roots: [keys.root.jwk, keys.root2.jwk], held: null };
  const kind = {
    typ: 'latchkey-keys+jwt',
    alg: 'PS256',
    most: 8192,
    key: keys.root,
    sign: signs.pss(),
    claims: {
      iss: 'unlock.example.com',
      ver: 2,
      keys: [keys.issuer.jwk],
      log: [keys.log.jwk],
    },
    optional: ['roots'],
    integer: 'ver',
    integerValue: 2,
    text: 'iss',
    tampered: { ver: 3 },
  };
  kind.withAll = { ...kind.claims, roots: [keys.root3.jwk, keys.root4.jwk] };
  return { kind, state };
}

const passes = { accepted: true };
const form = { accepted: false, cme: 901 };
const stale = { accepted: false, cme: 910 };

/** [name, rule, change, expect, state] */
export function manifestVectors({ kind }, keys) {
  const { issuer, issuer2, issuer3, stranger, log, log2, log3, root3, root4, strangerRoot } = keys;
  const issuers = (...jwks) => claims(kind, { keys: jwks });
  const logs = (...jwks) => claims(kind, { log: jwks });
  const roots = (...jwks) => ({ claims: { ...kind.withAll, roots: jwks } });
  const held = (ver) => ({ held: { jws: 'other bytes', ver } });
  const same = (jws) => ({ held: { jws, ver: kind.claims.ver } });
  const issuerWith = (change) => issuers({ ...issuer.jwk, ...change });
  const rekeyed = (jwk) => ({ ...jwk, kid: signs.thumbprint({ ...jwk, kid: undefined }) });
  return [
    ['plain', 'the manifest as section 4 has it', {}, passes],
    ['second-root', 'either root may sign', { key: keys.root2 }, passes],
    [
      'three-issuers-two-logs',
      'at most 3 issuer keys and 2 log keys',
      claims(kind, { keys: [issuer.jwk, issuer2.jwk, issuer3.jwk], log: [log.jwk, log2.jwk] }),
      passes,
    ],
    ['two-issuers', 'at most 3 issuer keys', issuers(issuer.jwk, issuer2.jwk), passes],
    ['successors', 'roots names both successors', { claims: kind.withAll }, passes],
    ['newer', 'ver is above the one held', {}, passes, held(1)],
    ['version-1', 'versions start at 1', claims(kind, { ver: 1 }), passes],
    [
      'version-largest',
      'integers are at most 4294967295',
      claims(kind, { ver: 4294967295 }),
      passes,
      held(4294967294),
    ],
    ['same-bytes', 'the same bytes again change nothing', {}, { accepted: true, again: true }, same],
    [
      'same-bytes-forgotten-root',
      'the same bytes again change nothing',
      { claims: kind.withAll },
      { accepted: true, again: true },
      (jws) => ({ ...same(jws), roots: [root3.jwk, root4.jwk] }),
    ],

    ['same-version', 'ver is above the one held', {}, stale, held(2)],
    [
      'same-claims-other-signature',
      'the same bytes, not the same claims',
      {},
      stale,
      (jws) => ({ held: { jws: `${jws.slice(0, -1)}${jws.endsWith('A') ? 'Q' : 'A'}`, ver: 2 } }),
    ],
    ['older', 'ver is above the one held', {}, stale, held(3)],
    [
      'replaced-root',
      'successors replace the roots',
      {},
      { accepted: false, cme: 905 },
      { roots: [root3.jwk, root4.jwk] },
    ],
    ['issuer-key', 'an issuer key signs no manifest', { key: issuer }, { accepted: false, cme: 905 }],
    ['version-0', 'versions start at 1', claims(kind, { ver: 0 }), form],
    ['no-issuer', 'at least 1 issuer key', issuers(), form],
    [
      'four-issuers',
      'at most 3 issuer keys',
      issuers(issuer.jwk, issuer2.jwk, issuer3.jwk, stranger.jwk),
      form,
    ],
    ['no-log', 'at least 1 log key', logs(), form],
    ['three-logs', 'at most 2 log keys', logs(log.jwk, log2.jwk, log3.jwk), form],
    ['no-successor', 'both successors', roots(), form],
    ['one-successor', 'both successors', roots(root3.jwk), form],
    ['three-successors', 'both successors', roots(root3.jwk, root4.jwk, strangerRoot.jwk), form],
    ['issuer-twice', 'no key stands twice', issuers(issuer.jwk, issuer.jwk), form],
    ['log-twice', 'no key stands twice', logs(log.jwk, log.jwk), form],
    ['successor-twice', 'no key stands twice', roots(root3.jwk, root3.jwk), form],
    ['keys-object', 'keys is an array', claims(kind, { keys: { 0: issuer.jwk } }), form],
    ['key-string', 'a key is an object', issuers(issuer.kid), form],
    ['key-null', 'a key is an object', issuers(null), form],
    ['kid-of-another-key', "kid is the key's thumbprint", issuerWith({ kid: issuer3.kid }), form],
    ['log-kid-of-another-key', "kid is the key's thumbprint", logs({ ...log.jwk, kid: log2.kid }), form],
    [
      'root-kid-of-another-key',
      "kid is the key's thumbprint",
      roots({ ...root3.jwk, kid: strangerRoot.kid }, root4.jwk),
      form,
    ],
    ['key-without-kid', 'a key has kty, n, e, kid', issuerWith({ kid: undefined }), form],
    ['key-with-alg', 'a key has kty, n, e, kid', issuerWith({ alg: 'PS256' }), form],
    ['key-private', 'no private member', issuerWith({ d: 'AQAB' }), form],
    [
      'key-reordered',
      'members are in order',
      edit(
        kind,
        `{"kty":"RSA","n":"${issuer.jwk.n}","e":"AQAB"`,
        `{"kty":"RSA","e":"AQAB","n":"${issuer.jwk.n}"`,
      ),
      form,
    ],
    [
      'key-duplicate-member',
      'no duplicate members',
      edit(kind, `"n":"${issuer.jwk.n}"`, `"n":"${stranger.jwk.n}","n":"${issuer.jwk.n}"`),
      form,
    ],
    ['key-kty', 'an issuer key is RSA', issuers(rekeyed({ ...issuer.jwk, kty: 'rsa' })), form],
    ['log-kty', 'a log key is Ed25519', logs(rekeyed({ ...log.jwk, kty: 'EC' })), form],
    ['modulus-number', 'a modulus is a string', issuerWith({ n: 3 }), form],
    ['exponent-3', 'the exponent is 65537', issuers(signs.rsaKey(3072, 3).jwk), form],
    [
      'exponent-leading-zero',
      'the exponent is 65537',
      issuers(rekeyed({ ...issuer.jwk, e: 'AAEAAQ' })),
      form,
    ],
    ['modulus-2048', 'an issuer key has 3072 bits', issuers(signs.rsaKey(2048).jwk), form],
    [
      'modulus-3071',
      'an issuer key has 3072 bits',
      issuers(rekeyed({ ...issuer.jwk, n: halved(issuer.jwk.n) })),
      form,
    ],
    ['modulus-4096', 'an issuer key has 3072 bits', issuers(strangerRoot.jwk), form],
    [
      'modulus-leading-zero',
      'one key has one spelling',
      issuers(rekeyed({ ...issuer.jwk, n: prefixed(issuer.jwk.n) })),
      form,
    ],
    [
      'modulus-standard-alphabet',
      'base64url, not base64',
      issuers(rekeyed({ ...issuer.jwk, n: issuer.jwk.n.replace(/[-_]/, '/') })),
      form,
    ],
    ['root-modulus-3072', 'a root has 4096 bits', roots(root3.jwk, stranger.jwk), form],
    [
      'root-modulus-padded',
      'no padding',
      roots(rekeyed({ ...root3.jwk, n: padded(root3.jwk.n) }), root4.jwk),
      form,
    ],
    [
      'root-modulus-trailing-bits',
      'trailing bits are zero',
      roots(rekeyed({ ...root3.jwk, n: trailingBit(root3.jwk.n) }), root4.jwk),
      form,
    ],
    ['log-x-31', 'a log key has 32 bytes', logs(rekeyed({ ...log.jwk, x: log.jwk.x.slice(0, -1) })), form],
    [
      'log-x-trailing-bits',
      'trailing bits are zero',
      logs(rekeyed({ ...log.jwk, x: trailingBit(log.jwk.x) })),
      form,
    ],
    ['log-x25519', 'a log key is Ed25519', logs(signs.logKey('x25519').jwk), form],
    ['log-rsa', 'a log key is Ed25519', logs(stranger.jwk), form],
    ['issuer-ed25519', 'an issuer key is RSA', issuers(log2.jwk), form],

    ...orderFaults(kind, 'manifest', strangerRoot),
    [
      'order-signature-before-version',
      'signature before version',
      { sign: () => Buffer.alloc(512) },
      { accepted: false, cme: 902 },
      held(3),
    ],
    ['order-payload-before-version', 'form before version', claims(kind, { x: 1 }), form, held(3)],
  ];
}

/** The modulus with its top bit cleared, and with a zero byte before it. */
function halved(n) {
  const bytes = Buffer.from(n, 'base64url');
  bytes[0] &= 0x7f;
  return bytes.toString('base64url');
}
const prefixed = (n) => Buffer.concat([Buffer.alloc(1), Buffer.from(n, 'base64url')]).toString('base64url');
