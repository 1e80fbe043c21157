import { hash } from 'node:crypto';
import type { z } from 'zod';
import type { Enrolment, EnrolmentAnswer, NewEnrolment } from '../../protocol/api/enrolments.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { encodeEnrolmentCode } from '../../protocol/enrolment-code.ts';
import type { Services } from '../context.ts';
import { newId } from '../id.ts';
import type { Tx } from '../log/log.ts';
import type { EnrolmentRow } from '../store/schema.ts';
import { nameOf } from './author.ts';
import { disabled } from './certificate.ts';
import { sameRequest } from './idempotency.ts';
import { type Creation, mustFind } from './principals.ts';

/**
 * Makes an enrolment code for a principal. Sent again, it gives the same code until that is redeemed
 * withdrawn or expired: the answer may have been lost on its way.
 * @throws Problem `not-found`, `principal-disabled`, `idempotency-key-reused`
 */
export async function invite(
  request: Creation<z.output<typeof NewEnrolment>>,
  services: Services,
): Promise<z.input<typeof EnrolmentAnswer>> {
  const made = newEnrolment(request, services);
  const { principal, idem_by: by, created: now } = made;
  const { value, log } = await services.commit(request.author, async (tx) => {
    const earlier = sameRequest(await madeBy(tx, made), request.idempotency);
    if (earlier !== undefined) return earlier;
    if ((await mustFind(tx, principal)).state === 'disabled') throw disabled(principal);
    await forgetExpired(tx, now);
    await tx.db.insertInto('enrolments').values(made).execute();
    const { id: enrolment, expires } = made;
    await tx.append({ type: 'enrolment.created', by, enrolment, principal, expires });
    return made;
  });
  return { enrolment: enrolmentOf(value, now), code: openCode(value, now, services), log };
}

/** The digest by which a code's secret is known: 256 random bits need no salt and no slow hash. */
export function secretDigest(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** An enrolment as the api shows it. `now` in RFC 3339, as the rows are. */
export function enrolmentOf(row: EnrolmentRow, now: string): z.input<typeof Enrolment> {
  const { id, principal, created, expires } = row;
  return { id, principal, created, expires, state: stateOf(row, now) };
}

/** The first of its ends that came. */
export function stateOf({ expires, redeemed_serial, withdrawn }: EnrolmentRow, now: string) {
  if (redeemed_serial !== null) return 'redeemed';
  if (expires <= (withdrawn ?? now)) return 'expired';
  return withdrawn === null ? 'pending' : 'withdrawn';
}

function newEnrolment(
  { body, author, idempotency }: Creation<z.output<typeof NewEnrolment>>,
  services: Services,
): EnrolmentRow {
  const { config, keys, sealer, clock, random } = services;
  const [rootA, rootB] = keys.roots;
  const id = newId(services);
  const now = clock().getTime();
  const secret = encodeBase64url(random(32));
  const code = encodeEnrolmentCode({
    server: config.api.origin,
    ca: keys.ca.fingerprint,
    roots: [rootA.kid, rootB.kid],
    secret,
  });
  return {
    id,
    principal: body.principal,
    secret_digest: secretDigest(secret),
    sealed_code: sealer.seal(Buffer.from(code), { purpose: 'enrolment', subject: id, version: 0 }),
    created: new Date(now).toISOString(),
    expires: new Date(now + config.enrolmentDeadline * 1000).toISOString(),
    redeemed_serial: null,
    withdrawn: null,
    idem_by: nameOf(author),
    idem_key: idempotency.key,
    idem_digest: idempotency.digest,
  };
}

function openCode(row: EnrolmentRow, now: string, { sealer }: Services): string | null {
  if (row.sealed_code === null || row.expires <= now) return null;
  const code = sealer.open(row.sealed_code, { purpose: 'enrolment', subject: row.id, version: 0 });
  return Buffer.from(code).toString();
}

async function forgetExpired({ db }: Tx, now: string): Promise<void> {
  await db
    .updateTable('enrolments')
    .set({ sealed_code: null })
    .where('sealed_code', 'is not', null)
    .where('expires', '<=', now)
    .execute();
}

function madeBy({ db }: Tx, { idem_by, idem_key }: EnrolmentRow): Promise<EnrolmentRow | undefined> {
  return db
    .selectFrom('enrolments')
    .selectAll()
    .where('idem_by', '=', idem_by)
    .where('idem_key', '=', idem_key)
    .executeTakeFirst();
}
