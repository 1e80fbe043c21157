// Vectors of the certificate, with which the module's own TLS key is certified.
import { orderFaults } from './faults.mjs';
import { claims } from './forge.mjs';
import * as signs from './sign.mjs';
import * as x509 from './x509.mjs';

const { b64 } = signs;

export function certificate(keys) {
  const { x, y } = keys.tls.jwk;
  const state = {
    provisioned: true,
    hwid: 'LTE4-00A1B2C3D4E5',
    dkt: keys.device.kid,
    iss: 'unlock.example.com',
    keys: [keys.issuer.jwk, keys.issuer2.jwk],
    tls: { x, y },
  };
  const kind = {
    typ: 'latchkey-certificate+jwt',
    alg: 'PS256',
    most: 4096,
    key: keys.issuer,
    sign: signs.pss(),
    claims: {
      iss: state.iss,
      aud: 'latchkey:module',
      sub: state.hwid,
      dkt: state.dkt,
      crt: b64(x509.certificate(keys.tls, keys.deviceCa)),
    },
    optional: [],
    text: 'iss',
    tampered: { sub: 'LTE4-00A1B2C3D4E6' },
  };
  return { kind, state };
}

const passes = { accepted: true };
const refused = (cme) => ({ accepted: false, cme });
const form = refused(901);
const otherKey = refused(903);

/** [name, rule, change, expect, state] */
export function certificateVectors({ kind }, keys) {
  const longName = 'x'.repeat(64);
  const certified = (change, key = keys.tls) => x509.certificate(key, keys.deviceCa, change);
  const crt = (der) => claims(kind, { crt: b64(der) });
  return [
    ['plain', 'the certificate as section 5.7 has it', {}, passes],
    ['second-issuer-key', 'any key that the manifest names', { key: keys.issuer2 }, passes],
    [
      'longest-names',
      'a name has 1 to 64 characters',
      claims(kind, { iss: longName, sub: 'A'.repeat(64) }),
      passes,
      { iss: longName, hwid: 'A'.repeat(64) },
    ],
    [
      'longest-certificate',
      'crt is base64url of at most 1536 bytes',
      crt(x509.ofSize(keys.tls, keys.deviceCa, 1536)),
      passes,
    ],
    ...Object.entries(x509.sound(keys.tls)).map(([name, change]) => [
      `crt-${name}`,
      'crt is for the key of the csr',
      crt(certified(change)),
      passes,
    ]),

    ['unprovisioned', 'a module is provisioned first', {}, refused(911), { provisioned: false }],
    ['no-manifest', 'a manifest comes first', {}, refused(905), { iss: null, keys: [] }],
    ['root-key', 'a root signs no certificate', { key: keys.root }, refused(905)],
    ['other-audience', 'aud is latchkey:module', claims(kind, { aud: 'latchkey:server' }), form],
    ['other-issuer', "iss is the manifest's", claims(kind, { iss: 'unlock.example.net' }), form],
    ['other-module', 'sub is this module', claims(kind, { sub: 'LTE4-00A1B2C3D4E6' }), refused(903)],
    [
      'other-device-key',
      'dkt is the device key',
      claims(kind, { dkt: keys.strangerDevice.kid }),
      refused(903),
    ],
    ['dkt-31', 'dkt is base64url of 32 bytes', claims(kind, { dkt: kind.claims.dkt.slice(0, -1) }), form],
    ['hwid-7', 'a hardware ID has 8 to 64 characters', claims(kind, { sub: 'LTE4-00' }), form],
    ['crt-empty', 'crt is base64url of 1 byte or more', claims(kind, { crt: '' }), form],
    [
      'crt-over-long',
      'crt is base64url of at most 1536 bytes',
      crt(x509.ofSize(keys.tls, keys.deviceCa, 1537)),
      form,
    ],
    ['crt-number', 'crt is a string', claims(kind, { crt: 7 }), form],
    ['crt-padding', 'no padding', claims(kind, { crt: `${b64(Buffer.alloc(400))}==` }), form],
    ['crt-pem', 'crt is DER', claims(kind, { crt: '-----BEGIN CERTIFICATE-----' }), form],
    ...spoilt(kind, keys, certified).map(([name, rule, der]) => [name, rule, crt(der), otherKey]),
    ['no-csr', 'a csr comes first', {}, otherKey, { tls: null }],

    [
      'order-state-before-form',
      'not provisioned comes first',
      { finish: (jws) => `${jws}=` },
      refused(911),
      { provisioned: false },
    ],
    ...orderFaults(kind, 'certificate', keys.stranger),
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
      'order-audience-before-key',
      'audience before the key certified',
      claims(kind, { aud: 'latchkey:server', crt: b64(certified({}, keys.strangerTls)) }),
      form,
    ],
  ];
}

/** [name, rule, DER] of what certifies another key than the module's, or none. */
function spoilt(kind, keys, certified) {
  const der = Buffer.from(kind.claims.crt, 'base64url');
  const key = x509.publicKeyInfo(keys.tls);
  const whole = 'crt is one certificate in DER';
  const own = 'crt is for the key of the csr';
  const point = key.length - 65;
  const compressed = Buffer.concat([
    Buffer.from([2 + ((key.at(-1) ?? 0) & 1)]),
    key.subarray(point + 1, point + 33),
  ]);
  return [
    ['crt-other-key', own, certified({}, keys.strangerTls)],
    ['crt-device-key', own, certified({}, keys.device)],
    ['crt-key-in-a-name-only', own, certified({ subject: x509.name(key, 0x04) }, keys.strangerTls)],
    ['crt-key-alone', whole, key],
    ['crt-one-bit-off', own, flipped(der, der.indexOf(key) + key.length - 1)],
    [
      'crt-compressed-point',
      own,
      certified({
        subjectPublicKeyInfo: x509.element(
          0x30,
          key.subarray(2, 23),
          x509.element(0x03, Buffer.from([0]), compressed),
        ),
      }),
    ],
    ['crt-version-1', whole, certified({ version: Buffer.alloc(0) })],
    ['crt-without-serial', whole, certified({ serialNumber: Buffer.alloc(0) })],
    ['crt-subject-missing', whole, certified({ subject: Buffer.alloc(0) })],
    ['crt-first-element-too-long', whole, firstTooLong(keys)],
    ['crt-key-outside', whole, keyOutside(keys)],
    ['crt-truncated', whole, der.subarray(0, -1)],
    ['crt-followed-by-a-byte', whole, Buffer.concat([der, Buffer.from([0])])],
    ['crt-a-set', whole, Buffer.concat([Buffer.from([0x31]), der.subarray(1)])],
    ['crt-indefinite-length', whole, Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(4)])],
    [
      'crt-long-length',
      'lengths in DER are as short as can be',
      certified({ serialNumber: Buffer.from([0x02, 0x81, 0x01, 0x05]) }),
    ],
    [
      'crt-longer-length',
      'lengths in DER are as short as can be',
      certified({
        serialNumber: Buffer.concat([Buffer.from([0x02, 0x82, 0x00, 0x80]), Buffer.alloc(128, 5)]),
      }),
    ],
    ['crt-one-byte', whole, Buffer.from([0x30])],
  ];
}

/** The length of the first element inside is above that of the certificate around it. */
function firstTooLong(keys) {
  const content = Buffer.concat(Object.values(x509.partsOf(keys.tls)));
  return x509.signed(Buffer.concat([Buffer.from([0x30, 0x82, 0x04, 0x00]), content]), keys.deviceCa);
}

/** The key stands where it is looked for, but after the element that should hold it. */
function keyOutside(keys) {
  const { subjectPublicKeyInfo, ...before } = x509.partsOf(keys.tls);
  return x509.signed(x509.element(0x30, ...Object.values(before)), keys.deviceCa, subjectPublicKeyInfo);
}

function flipped(bytes, at) {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
}
