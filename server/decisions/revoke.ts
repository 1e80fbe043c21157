import type { z } from 'zod';
import type { CertificateAnswer } from '../../protocol/api/certificates.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { CertificateRow } from '../store/schema.ts';
import { certificateOf } from './certificate.ts';
import { mustAdminister } from './permit.ts';
import { withdrawCodes } from './withdraw.ts';

/** Who revokes, why and when. */
interface Revocation {
  readonly by: string;
  readonly why: 'officer' | 'disabled' | 'two-keys';
  readonly now: Date;
}

/**
 * Revokes the whole lineage of a certificate: whoever has its key could have renewed it. One's own
 * anybody may revoke, for instance when a laptop is lost; others' an officer.
 * @throws Problem `not-found`, `forbidden`
 */
export async function revokeCertificate(
  serial: string,
  caller: Caller,
  services: Services,
): Promise<z.input<typeof CertificateAnswer>> {
  const found = await bySerial(services.read, serial);
  if (found?.principal !== caller.name) mustAdminister(services, caller);
  if (found === undefined) throw new Problem('not-found', `There is no certificate ${serial}.`);
  const revocation = { by: caller.name, why: 'officer', now: services.clock() } as const;
  const { log } = await services.commit(caller, (tx) => revokeLineage(tx, found, revocation));
  return { certificate: certificateOf({ ...found, state: 'revoked' }), log };
}

/**
 * Revokes every certificate that came from one enrolment, and withdraws the unused codes that its principal
 * was given or has made: they may lie where the key was taken, or be a thief's own way back. Without an event where all were revoked before.
 */
export async function revokeLineage(
  { db, append }: Tx,
  { lineage, principal }: Pick<CertificateRow, 'lineage' | 'principal'>,
  { by, why, now }: Revocation,
): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('certificates')
    .set({ state: 'revoked' })
    .where('lineage', '=', lineage)
    .where('state', '!=', 'revoked')
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  await append({ type: 'certificate.revoked', by, principal, lineage, why });
  await withdrawCodes(db, principal, now);
}

/** Revokes all that a principal being disabled has; codes too, where there is no certificate yet. */
export async function revokeAll(tx: Tx, principal: string, by: string, now: Date): Promise<void> {
  await withdrawCodes(tx.db, principal, now);
  await revokeCertificates(tx, principal, { by, why: 'disabled', now });
}

/** Revokes every certificate of a principal. @returns how many lineages had one */
export async function revokeCertificates(tx: Tx, principal: string, revocation: Revocation): Promise<number> {
  const lineages = await tx.db
    .selectFrom('certificates')
    .select('lineage')
    .distinct()
    .where('principal', '=', principal)
    .where('state', '!=', 'revoked')
    .orderBy('lineage')
    .execute();
  for (const { lineage } of lineages) await revokeLineage(tx, { lineage, principal }, revocation);
  return lineages.length;
}

export function bySerial(db: Tx['db'], serial: string): Promise<CertificateRow | undefined> {
  return db.selectFrom('certificates').selectAll().where('serial', '=', serial).executeTakeFirst();
}
