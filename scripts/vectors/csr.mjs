// Vectors of the csr, which the server checks under the device key that it has on record.
import { orderFaults } from './faults.mjs';
import { claims, trailingBit } from './forge.mjs';
import * as signs from './sign.mjs';

const { b64 } = signs;

export function csr(keys) {
  const { x, y } = keys.tls.jwk;
  const kind = {
    typ: 'latchkey-csr+jwt',
    alg: 'ES256',
    most: 768,
    key: keys.device,
    sign: signs.ecdsa(),
    claims: { sub: 'LTE4-00A1B2C3D4E5', x, y, seq: 18 },
    optional: [],
    integer: 'seq',
    integerValue: 18,
    tampered: { seq: 19 },
  };
  return { kind, state: { keys: [keys.device.jwk] } };
}

const passes = { accepted: true };
const form = { accepted: false, cme: 901 };

/** [name, rule, change, expect, state] */
export function csrVectors({ kind }, keys) {
  const { x, y } = kind.claims;
  const of = ({ jwk }) => ({ x: jwk.x, y: jwk.y });
  const most = 4294967295;
  const point = 'x and y are a point on P-256';
  const size = 'x and y are base64url of 32 bytes';
  return [
    ['plain', 'the csr as section 5.6 has it', {}, passes],
    ['first', 'seq starts at 1', claims(kind, { seq: 1 }), passes],
    ['largest-seq', 'integers are at most 4294967295', claims(kind, { seq: most }), passes],
    ['shortest-hwid', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'LTE4-001' }), passes],
    ['longest', 'a hardware ID has 8 to 64 characters', longestCsr(kind), passes],
    ['every-hwid-character', 'a hardware ID is of A-Z 0-9 . _ -', claims(kind, { sub: 'AZ09._-.' }), passes],
    ['another-key', point, claims(kind, of(keys.strangerTls)), passes],
    ['coordinate-begins-with-zero', point, claims(kind, of(leadingZero())), passes],
    ['ecdsa-low-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('low') }, passes],
    ['ecdsa-high-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('high') }, passes],

    ['not-on-the-curve', point, claims(kind, { x: y, y: x }), form],
    ['point-of-zeros', point, claims(kind, { x: b64(Buffer.alloc(32)), y: b64(Buffer.alloc(32)) }), form],
    ['coordinate-above-the-field', point, claims(kind, { x: b64(Buffer.alloc(32, 0xff)) }), form],
    ['y-of-another-key', point, claims(kind, { y: keys.strangerTls.jwk.y }), form],
    ['x-31', size, claims(kind, { x: x.slice(0, -1) }), form],
    ['x-33', size, claims(kind, { x: `${x}A` }), form],
    ['x-trailing-bits', 'trailing bits are zero', claims(kind, { x: trailingBit(x) }), form],
    ['y-trailing-bits', 'trailing bits are zero', claims(kind, { y: trailingBit(y) }), form],
    ['y-empty', size, claims(kind, { y: '' }), form],
    ['x-number', size, claims(kind, { x: 7 }), form],
    ['seq-0', 'seq starts at 1', claims(kind, { seq: 0 }), form],
    [
      'hwid-lower-case',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'lte4-00a1b2c3d4e5' }),
      form,
    ],
    ['hwid-7', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'LTE4-00' }), form],
    ['hwid-65', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'A'.repeat(65) }), form],

    ...orderFaults(kind, 'csr', keys.strangerDevice),
  ];
}

const longestCsr = (kind) => claims(kind, { sub: 'A'.repeat(64), seq: 4294967295 });

/** A key whose x begins with a zero byte, which a careless writer leaves out. */
function leadingZero() {
  for (;;) {
    const key = signs.ecKey();
    if (Buffer.from(key.jwk.x, 'base64url')[0] === 0) return key;
  }
}
