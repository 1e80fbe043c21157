import { createPublicKey, type KeyObject } from 'node:crypto';
import type { z } from 'zod';
import { newSerial } from '../../keys/certificates.ts';
import type { Certificate, IssuedCertificate, RsaPublicKey } from '../../protocol/api/certificates.ts';
import { decodeBase64url } from '../../protocol/base64url.ts';
import { isModulus, thumbprint } from '../../protocol/jwk.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import type { CertificateRow } from '../store/schema.ts';

/** Whose certificate, and where it comes from. */
export interface Descent {
  readonly kind: 'person' | 'station';
  readonly principal: string;
  /** The enrolment at its root. */
  readonly lineage: string;
  /** When that enrolment was redeemed. */
  readonly rooted: string;
  /** Serial that it renews; null for the first of a lineage. */
  readonly renewedFrom: string | null;
}

/** A public key that a client sent, once it is known to be one that certificates are made for. */
export interface ClientKey {
  readonly key: KeyObject;
  readonly kid: string;
}

/**
 * That its private half is the client's shows in the first mutual TLS: until then, a certificate for
 * somebody else's key is of use to nobody.
 * @throws Problem `key-unsuitable`
 */
export function suitableKey({ kty, n, e }: z.output<typeof RsaPublicKey>): ClientKey {
  if (!isModulus(n, 3072)) throw unsuitable('Its modulus is not 3072 bits long; make another.');
  if (!isOdd(n)) throw unsuitable('Its modulus is even; make another.');
  try {
    return { key: createPublicKey({ key: { kty, n, e }, format: 'jwk' }), kid: thumbprint({ kty, n, e }) };
  } catch (cause) {
    throw unsuitable('OpenSSL takes it for no key; make another.', cause);
  }
}

/** Signs a certificate for `key`, beginning now; nobody may have it before its row is committed. */
export async function signCertificate(
  { keys, config, clock, random }: Services,
  { kind, principal, lineage, rooted, renewedFrom }: Descent,
  { key, kid }: ClientKey,
): Promise<CertificateRow> {
  // X.509 knows whole seconds only, and the row must say what the certificate says.
  const notBefore = new Date(Math.floor(clock().getTime() / 1000) * 1000);
  const notAfter = new Date(notBefore.getTime() + config.certificates[kind].life * 1000);
  const serial = newSerial(random);
  const pem = await keys.ca.issueClient({ kind, name: principal, key, serial, notBefore, notAfter });
  return {
    serial,
    lineage,
    principal,
    kid,
    pem,
    not_before: notBefore.toISOString(),
    not_after: notAfter.toISOString(),
    rooted,
    renewed_from: renewedFrom,
    state: 'live',
  };
}

/**
 * Inside the transaction that hands a certificate out.
 * @throws Problem `key-unsuitable`
 */
export async function mustBeNew({ db }: Tx, { kid }: CertificateRow): Promise<void> {
  const other = await db
    .selectFrom('certificates')
    .select('serial')
    .where('kid', '=', kid)
    .executeTakeFirst();
  if (other !== undefined) throw unsuitable('It has a certificate already; make a new key for each.');
}

/** The answer that carries a certificate. */
export function issued(
  { keys }: Services,
  row: CertificateRow,
  log: LogPosition | null,
): z.input<typeof IssuedCertificate> {
  return { certificate: certificateOf(row), pem: row.pem, ca: keys.ca.certificate, iss: keys.iss, log };
}

/** A certificate as the api shows it. */
export function certificateOf(row: CertificateRow): z.input<typeof Certificate> {
  const { principal, serial, lineage, kid, state } = row;
  return { principal, serial, lineage, kid, created: row.not_before, expires: row.not_after, state };
}

export function disabled(principal: string): Problem {
  return new Problem('principal-disabled', `Principal ${principal} has been disabled; ask an officer.`);
}

/** OpenSSL takes an even modulus for a key, though no two odd primes make one. */
function isOdd(n: string): boolean {
  return ((decodeBase64url(n)?.at(-1) ?? 0) & 1) === 1;
}

function unsuitable(why: string, cause?: unknown): Problem {
  return new Problem('key-unsuitable', `This key cannot have a certificate. ${why}`, {}, cause);
}
