import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { decodeBase64url } from '../protocol/base64url.ts';
import { rsaJwk } from '../protocol/jwk.ts';
import type { AccessCa } from './keys.ts';
import { signCertificate } from './sign.ts';

declare module 'node-forge' {
  namespace pki {
    /** The part of a certificate that is signed; missing from the published types. */
    function getTBSCertificate(certificate: Certificate): asn1.Asn1;
  }
}

/** GeneralName tags of subjectAltName (RFC 5280 §4.2.1.6). */
const DNS_NAME = 2;
const URI = 6;
const IP_ADDRESS = 7;
/** RFC 4055 §5. */
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';

interface Description {
  readonly subject: Name;
  readonly key: KeyObject;
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly object[];
}

type Name = Readonly<Record<'organizationName' | 'commonName', string>>;

/**
 * Positive 128-bit serial number in lower-case hex, always 32 digits: the top bits are fixed to 01, so
 * that the DER integer is as long as it looks. Node shows serials in upper case.
 */
export function newSerial(random: (length: number) => Uint8Array): string {
  const bytes = Buffer.from(random(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** Self-signed certificate of the access CA, PEM. `iss` stands in its name: one CA, one server. */
export function makeCaCertificate(
  key: KeyObject,
  iss: string,
  valid: Pick<Description, 'serial' | 'notBefore' | 'notAfter'>,
): Promise<string> {
  const extensions = [
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
  ];
  return build({ ...valid, subject: caName(iss), key: createPublicKey(key), extensions }, iss, key);
}

/** @param certificate the CA's own, PEM, which must be `key`'s */
export function makeCa(key: KeyObject, certificate: string, iss: string): AccessCa {
  return {
    certificate,
    fingerprint: fingerprintOf(certificate),
    issueClient({ kind, name, ...request }) {
      const subject = { organizationName: `Latchkey ${kind}`, commonName: name };
      const altNames = [{ type: URI, value: `urn:latchkey:${kind}:${name}` }];
      return build({ ...request, subject, extensions: leafExtensions(altNames, 'clientAuth') }, iss, key);
    },
    issueServer({ names, ...request }) {
      const subject = { organizationName: 'Latchkey server', commonName: iss };
      const altNames = names.map((name) =>
        isIP(name) ? { type: IP_ADDRESS, ip: name } : { type: DNS_NAME, value: name },
      );
      return build({ ...request, subject, extensions: leafExtensions(altNames, 'serverAuth') }, iss, key);
    },
  };
}

/** SHA-256 over a PEM certificate's DER, base64url. */
export function fingerprintOf(certificate: string): string {
  return hash('sha256', new X509Certificate(certificate).raw, 'base64url');
}

function leafExtensions(altNames: readonly object[], usage: 'clientAuth' | 'serverAuth'): object[] {
  return [
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true },
    { name: 'extKeyUsage', [usage]: true },
    { name: 'subjectAltName', altNames },
  ];
}

/**
 * node-forge only arranges the DER, from values that are ours or checked; OpenSSL signs it, on the
 * thread pool. (forge's own signature, in JavaScript, holds the event loop for some 80 ms.)
 */
async function build(description: Description, iss: string, caKey: KeyObject): Promise<string> {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forgeKey(description.key);
  certificate.serialNumber = description.serial;
  certificate.validity.notBefore = description.notBefore;
  certificate.validity.notAfter = description.notAfter;
  certificate.setSubject(attributes(description.subject));
  certificate.setIssuer(attributes(caName(iss)));
  certificate.setExtensions([
    ...description.extensions,
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: keyIdentifier(caKey) },
  ]);
  certificate.signatureOid = SHA256_WITH_RSA;
  certificate.siginfo.algorithmOid = SHA256_WITH_RSA;
  certificate.tbsCertificate = forge.pki.getTBSCertificate(certificate);
  const tbs = Buffer.from(forge.asn1.toDer(certificate.tbsCertificate).getBytes(), 'latin1');
  certificate.signature = Buffer.from(await signCertificate(caKey, tbs)).toString('latin1');
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

function caName(iss: string): Name {
  return { organizationName: 'Latchkey access CA', commonName: iss };
}

function attributes(name: Name): forge.pki.CertificateField[] {
  // UTF8String, since PrintableString has no `_`. The published types mix Class and Type up.
  const valueTagClass = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class;
  return Object.entries(name).map(([field, value]) => ({ name: field, value, valueTagClass }));
}

function forgeKey(key: KeyObject): forge.pki.rsa.PublicKey {
  const { n } = rsaJwk(key);
  const modulus = Buffer.from(decodeBase64url(n) ?? []).toString('hex');
  const { BigInteger } = forge.jsbn;
  return forge.pki.setRsaPublicKey(new BigInteger(modulus, 16), new BigInteger('10001', 16));
}

/** SHA-1 over the RSAPublicKey (RFC 5280 §4.2.1.2, method 1): a name of the key, not a proof. */
function keyIdentifier(key: KeyObject): string {
  return forge.pki.getPublicKeyFingerprint(forgeKey(key), { type: 'RSAPublicKey' }).getBytes();
}
