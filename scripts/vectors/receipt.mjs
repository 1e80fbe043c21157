// Vectors of the receipt, which the server checks under the device key that it has on record.
import { orderFaults } from './faults.mjs';
import { claims } from './forge.mjs';
import * as signs from './sign.mjs';

const refusals = ['audience', 'module', 'nonce', 'expired', 'scope', 'password', 'storage', 'service'];
const closings = ['lock', 'timeout', 'reboot', 'replaced', 'stop', 'service'];
const dig = 'zrKZLwkBDi7jFs6Wh9Bq9Y9xMhLdXrNkaaoSCt3vsn8';

export function receipt(keys) {
  const state = { keys: [keys.device.jwk] };
  const kind = {
    typ: 'latchkey-receipt+jwt',
    alg: 'ES256',
    most: 768,
    key: keys.device,
    sign: signs.ecdsa(),
    claims: {
      sub: 'LTE4-00A1B2C3D4E5',
      jti: '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f',
      event: 'closed',
      why: 'lock',
      elapsed: 412,
      seq: 19,
      pwv: 4,
    },
    optional: ['why', 'dig'],
    integer: 'elapsed',
    integerValue: 412,
    integerFromZero: true,
    tampered: { elapsed: 1 },
  };
  kind.withAll = provisioned(kind);
  return { kind, state };
}

function provisioned({ claims: { sub, jti } }) {
  return { sub, jti, event: 'provisioned', elapsed: 0, seq: 1, pwv: 1, dig };
}

const passes = { accepted: true };
const form = { accepted: false, cme: 901 };

/** [name, rule, change, expect] */
export function receiptVectors({ kind }, keys) {
  const { why, ...plain } = kind.claims;
  const event = (name, more) => ({ claims: ordered(plain, name, more) });
  const largest = { sub: 'A'.repeat(64), elapsed: 4294967295, seq: 4294967295, pwv: 4294967295 };
  const bundled = { claims: kind.withAll };
  const changed = (change) => ({ claims: { ...kind.withAll, ...change } });
  return [
    ...closings.map((word) => [
      `closed-${word}`,
      'why a session closed',
      event('closed', { why: word }),
      passes,
    ]),
    ...refusals.map((word) => [
      `refused-${word}`,
      'why a token was refused',
      event('refused', { why: word }),
      passes,
    ]),
    ['opened', 'opened has neither why nor dig', event('opened'), passes],
    ['provisioned', 'dig is the digest of the bundle', bundled, passes],
    ['elapsed-unknown', 'elapsed is 0 unless known', claims(kind, { elapsed: 0 }), passes],
    ['largest', 'integers are at most 4294967295', claims(kind, largest), passes],
    ['ecdsa-low-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('low') }, passes],
    ['ecdsa-high-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('high') }, passes],

    ['closed-without-why', 'why is there for closed', event('closed'), form],
    ['refused-without-why', 'why is there for refused', event('refused'), form],
    ['opened-with-why', 'why is there for refused and closed only', event('opened', { why: 'lock' }), form],
    [
      'provisioned-with-why',
      'why is there for refused and closed only',
      { claims: { ...ordered(plain, 'provisioned', { why: 'lock' }), dig } },
      form,
    ],
    ['closed-audience', 'closed has its own words of why', event('closed', { why: 'audience' }), form],
    ['refused-lock', 'refused has its own words of why', event('refused', { why: 'lock' }), form],
    ['why-unknown', 'why is from a closed list', event('closed', { why: 'weather' }), form],
    ['why-case', 'why is from a closed list', event('closed', { why: 'Lock' }), form],
    ['provisioned-without-dig', 'dig is there for provisioned', changed({ dig: undefined }), form],
    [
      'opened-with-dig',
      'dig is there for provisioned only',
      { claims: { ...event('opened').claims, dig } },
      form,
    ],
    ['closed-with-dig', 'dig is there for provisioned only', claims(kind, { dig }), form],
    [
      'dig-hexadecimal',
      'dig is base64url of 32 bytes',
      changed({ dig: Buffer.from(dig, 'base64url').toString('hex') }),
      form,
    ],
    ['dig-31', 'dig is base64url of 32 bytes', changed({ dig: dig.slice(0, -1) }), form],
    ['dig-trailing-bits', 'trailing bits are zero', changed({ dig: `${dig.slice(0, -1)}9` }), form],
    ['event-unknown', 'event is from a closed list', event('reopened'), form],
    ['event-proto', 'event is from a closed list', event('constructor'), form],
    ['seq-0', 'seq starts at 1', claims(kind, { seq: 0 }), form],
    ['jti-version-4', 'jti is a UUIDv7', claims(kind, { jti: kind.claims.jti.replace('-7', '-4') }), form],
    [
      'hwid-lower-case',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'lte4-00a1b2c3d4e5' }),
      form,
    ],

    ...orderFaults(kind, 'receipt', keys.strangerDevice),
  ];
}

/** The claims of a receipt of `event`, with `why` in its place. */
function ordered({ sub, jti, elapsed, seq, pwv }, event, { why } = {}) {
  return { sub, jti, event, why, elapsed, seq, pwv };
}
