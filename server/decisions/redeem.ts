import type { z } from 'zod';
import type { IssuedCertificate } from '../../protocol/api/certificates.ts';
import type { Redemption } from '../../protocol/api/enrolments.ts';
import { SERVER } from '../../protocol/events.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { CertificateRow, EnrolmentRow } from '../store/schema.ts';
import { type ClientKey, issued, mustBeNew, signCertificate, suitableKey } from './certificate.ts';
import { secretDigest, stateOf } from './invite.ts';
import { mustFind } from './principals.ts';
import { bySerial } from './revoke.ts';

/**
 * Gives a certificate for a code's secret, once. Code and key again get the same certificate; the
 * code with another key is somebody who should not have it.
 * @throws Problem `code-unknown`, `code-used`, `code-withdrawn`, `code-expired`, `key-unsuitable`
 */
export async function redeem(
  { secret, key }: z.output<typeof Redemption>,
  services: Services,
): Promise<z.input<typeof IssuedCertificate>> {
  const { read, clock } = services;
  const enrolment = await bySecret(read, secret);
  if (enrolment === undefined) {
    throw new Problem('code-unknown', 'This server knows no such enrolment code; ask an officer for one.');
  }
  const wanted = suitableKey(key);
  if (enrolment.redeemed_serial !== null)
    return repeat(enrolment, enrolment.redeemed_serial, wanted, services);
  const now = clock().toISOString();
  mustBePending(enrolment, now);
  const { principal, id: lineage } = enrolment;
  const { kind } = await mustFind({ db: read }, principal);
  const descent = { kind, principal, lineage, rooted: now, renewedFrom: null };
  const first = await signCertificate(services, descent, wanted);
  // No certificate stands behind a redemption: the code does, and it is taken only where it still holds.
  const { value: won, log } = await services.commit(SERVER, (tx) => take(tx, enrolment, first, clock()));
  // It was redeemed meanwhile, and this is a repeat, with that key or another; or it has ended.
  return won ? issued(services, first, log) : redeem({ secret, key }, services);
}

/** @throws Problem `code-withdrawn`, `code-expired` */
function mustBePending(enrolment: EnrolmentRow, now: string): void {
  const { principal, expires, withdrawn } = enrolment;
  const state = stateOf(enrolment, now);
  if (state === 'expired') {
    throw new Problem(
      'code-expired',
      `This enrolment code ended at ${expires}; ask an officer for a new one.`,
    );
  }
  if (state !== 'withdrawn') return;
  throw new Problem(
    'code-withdrawn',
    `This enrolment code was withdrawn at ${withdrawn}, when ${principal}, or whoever made it, was shut out or had ` +
      'a certificate revoked; ask an officer for a new one.',
  );
}

/** @returns false where the code was taken, was withdrawn or ended in the meantime */
async function take(
  tx: Tx,
  { id, principal }: EnrolmentRow,
  first: CertificateRow,
  now: Date,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('enrolments')
    .set({ redeemed_serial: first.serial, sealed_code: null })
    .where('id', '=', id)
    .where('redeemed_serial', 'is', null)
    .where('withdrawn', 'is', null)
    .where('expires', '>', now.toISOString())
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await mustBeNew(tx, first);
  await tx.db.insertInto('certificates').values(first).execute();
  const { serial, kid, lineage, not_after: expires } = first;
  await tx.append({ type: 'enrolment.redeemed', by: principal, enrolment: id, principal, kid });
  await tx.append({ type: 'certificate.issued', by: principal, principal, serial, lineage, kid, expires });
  return true;
}

async function repeat(
  { id, principal }: EnrolmentRow,
  serial: string,
  { kid }: ClientKey,
  services: Services,
): Promise<z.input<typeof IssuedCertificate>> {
  const first = await bySerial(services.read, serial);
  if (first?.kid === kid) return issued(services, first, null);
  await services.commit(SERVER, (tx) =>
    tx.append({ type: 'enrolment.misused', by: SERVER, enrolment: id, principal, kid }),
  );
  throw new Problem(
    'code-used',
    'This enrolment code was used before, with another key. If that was not you, tell an officer at once; ' +
      'either way, ask for a new code.',
  );
}

function bySecret(db: Tx['db'], secret: string): Promise<EnrolmentRow | undefined> {
  return db
    .selectFrom('enrolments')
    .selectAll()
    .where('secret_digest', '=', secretDigest(secret))
    .executeTakeFirst();
}
