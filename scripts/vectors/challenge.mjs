// Vectors of the challenge, which the server checks under the device key that it has on record.
import { orderFaults } from './faults.mjs';
import { claims } from './forge.mjs';
import * as signs from './sign.mjs';

export function challenge(keys) {
  const state = { keys: [keys.device.jwk] };
  const kind = {
    typ: 'latchkey-challenge+jwt',
    alg: 'ES256',
    most: 768,
    key: keys.device,
    sign: signs.ecdsa(),
    claims: {
      sub: 'LTE4-00A1B2C3D4E5',
      nonce: 'q83vEjRWeJCrze8SNFZ4kA',
      seq: 17,
      scope: 'console',
      for: 900,
      keys: 2,
      pwv: 3,
      fw: 'LTE4 1.4.2 (2025-06-30)',
    },
    optional: ['last'],
    integer: 'for',
    integerValue: 900,
    integerFromZero: true,
    text: 'fw',
    tampered: { seq: 18 },
  };
  kind.withAll = { ...kind.claims, last: '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f' };
  return { kind, state };
}

const passes = { accepted: true };
const form = { accepted: false, cme: 901 };

/** [name, rule, change, expect, state] */
export function challengeVectors({ kind }, keys) {
  const { last } = kind.withAll;
  const most = 4294967295;
  const largest = {
    sub: 'A'.repeat(64),
    seq: most,
    for: most,
    keys: most,
    pwv: most,
    fw: 'x'.repeat(64),
    last,
  };
  const lasting = (text) => [claims(kind, { last: text }), form];
  return [
    ['plain', 'the challenge as section 4 has it', {}, passes],
    ['with-last', 'last is the jti of the last token accepted', { claims: kind.withAll }, passes],
    ['first', 'seq starts at 1', claims(kind, { seq: 1, keys: 1, pwv: 0 }), passes],
    [
      'longest',
      'integers are at most 4294967295, names have at most 64 characters',
      claims(kind, largest),
      passes,
    ],
    ['scope-adb', 'scope is one of four', claims(kind, { scope: 'adb' }), passes],
    ['scope-ssh', 'scope is one of four', claims(kind, { scope: 'ssh' }), passes],
    ['scope-reset', 'scope is one of four', claims(kind, { scope: 'reset' }), passes],
    ['ecdsa-low-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('low') }, passes],
    ['ecdsa-high-s', 's may be in either half of the order', { sign: signs.ecdsaHalf('high') }, passes],

    ['seq-0', 'seq starts at 1', claims(kind, { seq: 0 }), form],
    ['scope-unknown', 'scope is one of four', claims(kind, { scope: 'shell' }), form],
    ['scope-list', 'scope is one of four', claims(kind, { scope: ['console'] }), form],
    [
      'hwid-lower-case',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'lte4-00a1b2c3d4e5' }),
      form,
    ],
    ['hwid-7', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'LTE4-00' }), form],
    ['hwid-65', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'A'.repeat(65) }), form],
    ['nonce-15', 'a nonce has 16 bytes', claims(kind, { nonce: 'q83vEjRWeJCrze8SNFZ4' }), form],
    ['nonce-17', 'a nonce has 16 bytes', claims(kind, { nonce: 'q83vEjRWeJCrze8SNFZ4kAA' }), form],
    [
      'nonce-trailing-bits',
      'trailing bits are zero',
      claims(kind, { nonce: 'q83vEjRWeJCrze8SNFZ4kB' }),
      form,
    ],
    ['last-empty', 'an absent member is absent, not empty', ...lasting('')],
    ['last-version-4', 'last is a UUIDv7', ...lasting(last.replace('-7', '-4'))],
    ['last-upper-case', 'last is a UUIDv7 in lower case', ...lasting(last.toUpperCase())],
    ['last-first', 'members are in order', { claims: { last, ...kind.claims } }, form],

    ...orderFaults(kind, 'challenge', keys.strangerDevice),
  ];
}
