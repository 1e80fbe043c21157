import type { z } from 'zod';
import type { IssuedCertificate, Renewal } from '../../protocol/api/certificates.ts';
import { Problem } from '../../protocol/problems.ts';
import type { CertificateLife } from '../config.ts';
import type { Caller, Services } from '../context.ts';
import type { CertificateRow } from '../store/schema.ts';
import { issued, mustBeNew, signCertificate, suitableKey } from './certificate.ts';
import { bySerial, revokeLineage } from './revoke.ts';

/**
 * A certificate renews once, to a new key. The same key again gets the same certificate, because
 * an answer may be lost. Another key means that two clients hold what one was given: nobody can tell
 * which of them is the thief, so the lineage ends.
 * @throws Problem `renewal-refused`, `certificate-revoked`, `key-unsuitable`, `principal-disabled`
 */
export async function renew(
  caller: Caller,
  { key }: z.output<typeof Renewal>,
  services: Services,
): Promise<z.input<typeof IssuedCertificate>> {
  const held = await mustBySerial(services, caller.serial);
  const life = services.config.certificates[caller.kind];
  mustBeRenewable(held, life, services.clock().getTime());
  const wanted = suitableKey(key);

  const successor = await successorOf(services, held);
  if (successor?.kid === wanted.kid)
    return (await services.commit(caller, async () => issued(services, successor, null))).value;
  if (successor !== undefined) throw await twoKeys(caller, held, services);

  const { kind } = caller;
  const { principal, lineage, rooted, serial } = held;
  const descent = { kind, principal, lineage, rooted, renewedFrom: serial };
  const next = await signCertificate(services, descent, wanted);
  const { value: won, log } = await services.commit(caller, async (tx) => {
    const current = await bySerial(tx.db, serial);
    if (current?.state === 'renewed') return false;
    mustBeRenewable(held, life, services.clock().getTime());
    await mustBeNew(tx, next);
    await tx.db.updateTable('certificates').set({ state: 'renewed' }).where('serial', '=', serial).execute();
    await tx.db.insertInto('certificates').values(next).execute();
    await tx.append({
      type: 'certificate.renewed',
      by: principal,
      principal,
      serial: next.serial,
      from: serial,
      lineage,
      kid: next.kid,
      expires: next.not_after,
    });
    return true;
  });
  // Somebody else renewed it meanwhile: that is an earlier renewal now, with this key or another.
  return won ? issued(services, next, log) : renew(caller, { key }, services);
}

/**
 * @param now milliseconds since 1970
 * @throws Problem `renewal-refused`
 */
export function mustBeRenewable(held: Renewable, life: CertificateLife, now: number): void {
  const ends = renewableUntil(held, life);
  if (now <= ends) return;
  throw new Problem(
    'renewal-refused',
    `This certificate could be renewed until ${new Date(ends).toISOString()}; ask an officer for a new enrolment code.`,
  );
}

type Renewable = Pick<CertificateRow, 'not_after' | 'rooted'>;

/** The last moment at which a certificate may be renewed, in milliseconds since 1970. */
export function renewableUntil({ not_after, rooted }: Renewable, life: CertificateLife): number {
  const { grace, lineage = Number.POSITIVE_INFINITY } = life;
  return Math.min(Date.parse(not_after) + grace * 1000, Date.parse(rooted) + lineage * 1000);
}

async function twoKeys(caller: Caller, held: CertificateRow, { commit, clock }: Services): Promise<Problem> {
  const revocation = { by: caller.name, why: 'two-keys', now: clock() } as const;
  await commit(caller, (tx) => revokeLineage(tx, held, revocation));
  return new Problem(
    'certificate-revoked',
    'This certificate was renewed before, with another key: one of the two is a copy. So every certificate ' +
      'of this enrolment has been revoked. Ask an officer for a new enrolment code, and find out who has the copy.',
  );
}

function successorOf({ read }: Services, { serial }: CertificateRow): Promise<CertificateRow | undefined> {
  return read.selectFrom('certificates').selectAll().where('renewed_from', '=', serial).executeTakeFirst();
}

async function mustBySerial({ read }: Services, serial: string): Promise<CertificateRow> {
  return read.selectFrom('certificates').selectAll().where('serial', '=', serial).executeTakeFirstOrThrow();
}
