import type { z } from 'zod';
import type { Certificate, CertificateQuery, Whoami } from '../../protocol/api/certificates.ts';
import type { Enrolment, EnrolmentQuery } from '../../protocol/api/enrolments.ts';
import type { Page } from '../../protocol/api/list.ts';
import type { Principal } from '../../protocol/api/principals.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { certificateOf } from './certificate.ts';
import { enrolmentOf } from './invite.ts';
import { mustReview } from './permit.ts';
import { mustFind, principalOf } from './principals.ts';
import { bySerial } from './revoke.ts';

/** One page of a list, and the cursor of the next. */
export interface Listed<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** Who the caller is, as the server sees it now. */
export async function whoami(caller: Caller, services: Services): Promise<z.input<typeof Whoami>> {
  const { read, keys, version, clock } = services;
  const principal = await mustFind({ db: read }, caller.name);
  const certificate = await bySerial(read, caller.serial);
  if (certificate === undefined) throw new Problem('not-found', `There is no certificate ${caller.serial}.`);
  return {
    principal: principalOf(principal),
    certificate: certificateOf(certificate),
    server: { iss: keys.iss, version, time: clock().toISOString() },
  };
}

/** By name. */
export async function listPrincipals(
  { limit, after }: z.output<typeof Page>,
  { read }: Services,
): Promise<Listed<z.input<typeof Principal>>> {
  let query = read.selectFrom('principals').selectAll().orderBy('name');
  if (after !== undefined) query = query.where('name', '>', after);
  const rows = await query.limit(limit + 1).execute();
  return page(rows, limit, principalOf, ({ name }) => name);
}

/** Newest first: ids sort by time. */
export async function listEnrolments(
  { limit, after, principal }: z.output<typeof EnrolmentQuery>,
  { read, clock }: Services,
): Promise<Listed<z.input<typeof Enrolment>>> {
  const now = clock().toISOString();
  let query = read.selectFrom('enrolments').selectAll().orderBy('id', 'desc');
  if (principal !== undefined) query = query.where('principal', '=', principal);
  if (after !== undefined) query = query.where('id', '<', after);
  const rows = await query.limit(limit + 1).execute();
  return page(
    rows,
    limit,
    (row) => enrolmentOf(row, now),
    ({ id }) => id,
  );
}

/** Newest first. Everybody sees their own; those who may review, all. */
export async function listCertificates(
  { limit, after, principal, state }: z.output<typeof CertificateQuery>,
  caller: Caller,
  services: Services,
): Promise<Listed<z.input<typeof Certificate>>> {
  if (principal !== caller.name) mustReview(services, caller);
  let query = services.read
    .selectFrom('certificates')
    .selectAll()
    .orderBy('not_before', 'desc')
    .orderBy('serial', 'desc');
  if (principal !== undefined) query = query.where('principal', '=', principal);
  if (state !== undefined) query = query.where('state', '=', state);
  if (after !== undefined) {
    const [before = '', serial = ''] = after.split('/');
    query = query.where(({ or, and, eb }) =>
      or([eb('not_before', '<', before), and([eb('not_before', '=', before), eb('serial', '<', serial)])]),
    );
  }
  const rows = await query.limit(limit + 1).execute();
  return page(rows, limit, certificateOf, (row) => `${row.not_before}/${row.serial}`);
}

/** @param rows one more than `limit` where there is a next page */
export function page<R, T>(
  rows: readonly R[],
  limit: number,
  show: (row: R) => T,
  cursor: (row: R) => string,
): Listed<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), next: rows.length > limit && last !== undefined ? cursor(last) : null };
}
