import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as x509 from '@peculiar/asn1-x509';
import { fingerprintOf } from './certificates.ts';
import type { DeviceCa } from './keys.ts';
import type { DeviceCaMaterial } from './material.ts';
import { signAsync } from './sign.ts';

/** ecdsa-with-SHA256 has no parameters (RFC 5758 §3.2). */
const ECDSA_SHA256 = new x509.AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });

/** Attribute types of names (RFC 4519 §2.3, §2.19). */
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

interface Description {
  readonly subject: x509.Name;
  readonly key: KeyObject;
  /** Hexadecimal. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly x509.Extension[];
}

/** Self-signed certificate of the device CA, PEM. */
export async function makeDeviceCaCertificate(
  key: KeyObject,
  iss: string,
  valid: Pick<Description, 'serial' | 'notBefore' | 'notAfter'>,
): Promise<string> {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const extensions = [
    extension(
      x509.id_ce_basicConstraints,
      true,
      new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 }),
    ),
    extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(keyCertSign | cRLSign)),
  ];
  const subject = caName(iss);
  const der = await build({ ...valid, subject, key: createPublicKey(key), extensions }, subject, key);
  return new X509Certificate(der).toString();
}

/** What certifies under a key and the certificate that is the key's own. */
export function makeDeviceCa({ key, certificate }: DeviceCaMaterial, iss: string): DeviceCa {
  return {
    certificate,
    fingerprint: fingerprintOf(certificate),
    ends: new Date(new X509Certificate(certificate).validTo),
    certify({ hwid, ...request }) {
      const uniformResourceIdentifier = `urn:latchkey:module:${hwid}`;
      const extensions = [
        extension(x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: false })),
        extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature)),
        extension(x509.id_ce_extKeyUsage, false, new x509.ExtendedKeyUsage([x509.id_kp_clientAuth])),
        extension(
          x509.id_ce_subjectAltName,
          false,
          new x509.SubjectAlternativeName([new x509.GeneralName({ uniformResourceIdentifier })]),
        ),
      ];
      return build({ ...request, subject: nameOf({ [COMMON_NAME]: hwid }), extensions }, caName(iss), key);
    },
  };
}

/** `O`, `CN` as Node's X509Certificate shows the device CA's subject. */
export function deviceCaSubject(iss: string): string {
  return `O=Latchkey device CA\nCN=${iss}`;
}

/** asn1-x509 only arranges the DER, from values that are ours or checked; OpenSSL signs it. */
async function build(description: Description, issuer: x509.Name, caKey: KeyObject): Promise<Uint8Array> {
  const { subject, key, serial, notBefore, notAfter, extensions } = description;
  const tbs = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: bytesOf(Buffer.from(serial, 'hex')),
    signature: ECDSA_SHA256,
    issuer,
    validity: new x509.Validity({ notBefore, notAfter }),
    subject,
    subjectPublicKeyInfo: publicKeyInfo(key),
    extensions: new x509.Extensions([
      ...extensions,
      extension(x509.id_ce_subjectKeyIdentifier, false, new x509.SubjectKeyIdentifier(keyIdentifier(key))),
      extension(
        x509.id_ce_authorityKeyIdentifier,
        false,
        new x509.AuthorityKeyIdentifier({
          keyIdentifier: new x509.KeyIdentifier(keyIdentifier(createPublicKey(caKey))),
        }),
      ),
    ]),
  });
  const signature = await signAsync(Buffer.from(AsnConvert.serialize(tbs)), { key: caKey });
  const certificate = new x509.Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: ECDSA_SHA256,
    signatureValue: bytesOf(signature),
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function extension(extnID: string, critical: boolean, value: unknown): x509.Extension {
  return new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function caName(iss: string): x509.Name {
  return nameOf({ [ORGANIZATION]: 'Latchkey device CA', [COMMON_NAME]: iss });
}

/** UTF8String, since PrintableString has no `_`. */
function nameOf(attributes: Readonly<Record<string, string>>): x509.Name {
  return new x509.Name(
    Object.entries(attributes).map(
      ([type, utf8String]) =>
        new x509.RelativeDistinguishedName([
          new x509.AttributeTypeAndValue({ type, value: new x509.AttributeValue({ utf8String }) }),
        ]),
    ),
  );
}

function publicKeyInfo(key: KeyObject): x509.SubjectPublicKeyInfo {
  return AsnConvert.parse(key.export({ type: 'spki', format: 'der' }), x509.SubjectPublicKeyInfo);
}

/** SHA-1 over the point (RFC 5280 §4.2.1.2, method 1): a name of the key, not a proof. */
function keyIdentifier(key: KeyObject): ArrayBuffer {
  const point = new Uint8Array(publicKeyInfo(key).subjectPublicKey);
  return bytesOf(hash('sha1', point, 'buffer'));
}

/** A copy with a buffer of its own, as asn1-x509 takes bytes. */
function bytesOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
