// Vectors of the bundle, with which a module is provisioned.
import { orderFaults } from './faults.mjs';
import { claims } from './forge.mjs';
import * as signs from './sign.mjs';
import { hash } from './token.mjs';

export function bundle(keys) {
  const state = {
    provisioned: false,
    hwid: 'LTE4-00A1B2C3D4E5',
    dkt: keys.device.kid,
    iss: 'unlock.example.com',
    keys: [keys.issuer.jwk, keys.issuer2.jwk],
    pwv: 0,
  };
  const kind = {
    typ: 'latchkey-bundle+jwt',
    alg: 'PS256',
    most: 2048,
    key: keys.issuer,
    sign: signs.pss(),
    claims: {
      iss: state.iss,
      aud: 'latchkey:module',
      jti: '01980a3b-2c00-7a55-9e01-0f1e2d3c4b5a',
      sub: state.hwid,
      dkt: state.dkt,
      pw: { ver: 1, hash },
    },
    optional: ['sub', 'dkt', 'pw'],
    integer: 'ver',
    integerValue: 1,
    text: 'iss',
    tampered: { sub: 'LTE4-00A1B2C3D4E6' },
  };
  return { kind, state };
}

const passes = { accepted: true };
const refused = (cme) => ({ accepted: false, cme });
const form = refused(901);

/** [name, rule, change, expect, state] */
export function bundleVectors({ kind }, keys) {
  const { sub, dkt, pw, ...offline } = kind.claims;
  const only = (some) => [{ claims: { ...offline, ...some } }, form];
  const longName = 'x'.repeat(64);
  return [
    ['plain', 'the bundle as section 4 has it', {}, passes],
    ['offline', 'all three of sub, dkt, pw, or none', { claims: offline }, passes],
    ['second-issuer-key', 'any key that the manifest names', { key: keys.issuer2 }, passes],
    [
      'after-reset',
      'pw is above the version in force',
      claims(kind, { pw: { ver: 6, hash } }),
      passes,
      { pwv: 5 },
    ],
    ['offline-after-reset', 'all three of sub, dkt, pw, or none', { claims: offline }, passes, { pwv: 5 }],
    [
      'longest-names',
      'a name has 1 to 64 characters',
      claims(kind, { iss: longName, sub: 'A'.repeat(64) }),
      passes,
      { iss: longName, hwid: 'A'.repeat(64) },
    ],

    ['already-provisioned', 'a module is provisioned once', {}, refused(909), { provisioned: true }],
    ['no-manifest', 'a manifest comes first', {}, refused(905), { iss: null, keys: [] }],
    ['root-key', 'a root signs no bundle', { key: keys.root }, refused(905)],
    ['other-audience', 'aud is latchkey:module', claims(kind, { aud: 'latchkey:server' }), form],
    ['other-issuer', "iss is the manifest's", claims(kind, { iss: 'unlock.example.net' }), form],
    ['other-module', 'sub is this module', claims(kind, { sub: 'LTE4-00A1B2C3D4E6' }), refused(903)],
    [
      'other-device-key',
      'dkt is the device key',
      claims(kind, { dkt: keys.strangerDevice.kid }),
      refused(903),
    ],
    [
      'password-same-version',
      'pw is above the version in force',
      claims(kind, { pw: { ver: 5, hash } }),
      refused(915),
      { pwv: 5 },
    ],
    ['password-older-version', 'pw is above the version in force', {}, refused(915), { pwv: 5 }],
    ['sub-alone', 'all three of sub, dkt, pw, or none', ...only({ sub })],
    ['dkt-alone', 'all three of sub, dkt, pw, or none', ...only({ dkt })],
    ['pw-alone', 'all three of sub, dkt, pw, or none', ...only({ pw })],
    ['without-sub', 'all three of sub, dkt, pw, or none', ...only({ dkt, pw })],
    ['without-dkt', 'all three of sub, dkt, pw, or none', ...only({ sub, pw })],
    ['without-pw', 'all three of sub, dkt, pw, or none', ...only({ sub, dkt })],
    ['dkt-31', 'dkt is base64url of 32 bytes', claims(kind, { dkt: dkt.slice(0, -1) }), form],
    ['jti-version-4', 'jti is a UUIDv7', claims(kind, { jti: kind.claims.jti.replace('-7', '-4') }), form],
    [
      'hwid-lower-case',
      'a hardware ID is of A-Z 0-9 . _ -',
      claims(kind, { sub: 'lte4-00a1b2c3d4e5' }),
      form,
    ],
    [
      'hash-sha256-crypt',
      'pw.hash is SHA-512 crypt',
      claims(kind, { pw: { ver: 1, hash: hash.replace('$6$', '$5$') } }),
      form,
    ],
    ['pw-version-0', 'password versions start at 1', claims(kind, { pw: { ver: 0, hash } }), form],

    [
      'order-state-before-form',
      'already provisioned comes first',
      { finish: (jws) => `${jws}=` },
      refused(909),
      { provisioned: true },
    ],
    ...orderFaults(kind, 'bundle', keys.stranger),
    [
      'order-signature-before-audience',
      'signature before audience',
      { ...claims(kind, { aud: 'latchkey:server' }), sign: () => Buffer.alloc(384) },
      refused(902),
    ],
    [
      'order-audience-before-module',
      'audience before module',
      claims(kind, { aud: 'latchkey:server', sub: 'LTE4-00A1B2C3D4E6' }),
      form,
    ],
    [
      'order-module-before-password',
      'module before password version',
      claims(kind, { sub: 'LTE4-00A1B2C3D4E6' }),
      refused(903),
      { pwv: 5 },
    ],
  ];
}
