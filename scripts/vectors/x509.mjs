// Certificates in DER for the vectors, whole and spoilt. Written against X.690 and RFC 5280.
import { createPublicKey, sign } from 'node:crypto';

/** One element: its tag, its length in the shortest form, its content. */
export function element(tag, ...parts) {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const sequence = (...parts) => element(0x30, ...parts);
const object = (hex) => element(0x06, Buffer.from(hex, 'hex'));
const ecdsaSha256 = sequence(object('2a8648ce3d040302'));

/** `CN=` and the bytes of the name, as UTF8String unless told otherwise. */
export const name = (bytes, tag = 0x0c) =>
  sequence(element(0x31, sequence(object('550403'), element(tag, Buffer.from(bytes)))));

/** SubjectPublicKeyInfo of a key made by sign.mjs. */
export const publicKeyInfo = ({ privateKey }) =>
  createPublicKey(privateKey).export({ type: 'spki', format: 'der' });

const tenYears = sequence(
  element(0x17, Buffer.from('250717080000Z')),
  element(0x17, Buffer.from('350715080000Z')),
);

/** The parts of a `tbsCertificate` for `key`, by their names in RFC 5280 §4.1; `change` replaces some. */
export const partsOf = (key, change = {}) => ({
  version: element(0xa0, element(0x02, Buffer.from([2]))),
  serialNumber: element(0x02, Buffer.from('4d1f2e3a5b6c7d8e9f', 'hex')),
  signature: ecdsaSha256,
  issuer: name('Latchkey device CA'),
  validity: tenYears,
  subject: name('LTE4-00A1B2C3D4E5'),
  subjectPublicKeyInfo: publicKeyInfo(key),
  ...change,
});

/** A certificate for `key`. */
export const certificate = (key, ca, change) => signed(sequence(...Object.values(partsOf(key, change))), ca);

/** A certificate around `tbs`, whatever that is, with more elements after it if there are any. */
export function signed(tbs, ca, ...more) {
  const signature = sign('sha256', tbs, ca.privateKey);
  return sequence(tbs, ...more, ecdsaSha256, element(0x03, Buffer.from([0]), signature));
}

/** Changes that leave a certificate for `key`. */
export const sound = (key) => ({
  'dates-after-2049': {
    validity: sequence(
      element(0x17, Buffer.from('250717080000Z')),
      element(0x18, Buffer.from('20550715080000Z')),
    ),
  },
  'short-serial': { serialNumber: element(0x02, Buffer.from([1])) },
  'longest-serial': { serialNumber: element(0x02, Buffer.alloc(20, 0x5a)) },
  'rsa-issuer': { signature: sequence(object('2a864886f70d01010b'), element(0x05)) },
  'long-subject': { subject: name('A'.repeat(64)) },
  'long-issuer': { issuer: name('x'.repeat(300)) },
  'key-also-in-a-name': { subject: name(publicKeyInfo(key), 0x04) },
});

/** A certificate of exactly `size` bytes, filled up by what it says of its subject. */
export function ofSize(key, ca, size) {
  for (let fill = size - 500; ; ) {
    const made = certificate(key, ca, { subject: name('x'.repeat(fill)) });
    if (made.length === size) return made;
    // Signatures differ in length by some bytes, so a length that was passed over may still come.
    if (made.length < size - 2) fill++;
  }
}
