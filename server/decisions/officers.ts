import type { Kysely } from 'kysely';
import type { Role } from '../../protocol/api/principals.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Config } from '../config.ts';
import type { Services } from '../context.ts';
import type { Database } from '../store/schema.ts';
import { renewableUntil } from './renew.ts';

/** A way in that an officer has, and until when. Who is disabled has none: it ended with that. */
export interface Entrance {
  readonly officer: string;
  readonly until: Date;
}

/**
 * The officer who can get in the longest by a certificate, or undefined where none can: then nobody
 * administers the server. A code does not count: it may have been lost, and is shown once.
 */
export async function officerEntrance({
  read,
  config,
  clock,
}: Pick<Services, 'read' | 'config' | 'clock'>): Promise<Entrance | undefined> {
  const entrances = await byCertificate(read, config, clock());
  return entrances.sort((a, b) => b.until.getTime() - a.until.getTime())[0];
}

/**
 * Whoever remains when an officer leaves must be able to get in: by a certificate that is valid or can
 * still be renewed, or by a code that is not used yet and does not end with whoever leaves, as those do
 * that they made. The role alone opens nothing.
 * @throws Problem `last-officer`
 */
export async function mustLeaveAnOfficer(
  db: Kysely<Database>,
  leaving: string,
  { config, clock }: Pick<Services, 'config' | 'clock'>,
): Promise<void> {
  const now = clock();
  const entrances = [...(await byCertificate(db, config, now)), ...(await byCode(db, leaving, now))];
  if (entrances.some(({ officer }) => officer !== leaving)) return;
  throw new Problem(
    'last-officer',
    `Principal ${leaving} is the last officer who can get in; have another one enrol first, or nobody could ` +
      'administer this server.',
  );
}

/** By a certificate that is valid or can still be renewed. */
async function byCertificate(db: Kysely<Database>, config: Config, now: Date): Promise<Entrance[]> {
  const certificates = await db
    .selectFrom('certificates')
    .innerJoin('principals', 'principals.name', 'certificates.principal')
    .select(['principal', 'roles', 'not_after', 'rooted'])
    .where('certificates.state', '=', 'live')
    .execute();
  return certificates
    .filter(isOfficers)
    .map((held) => ({
      officer: held.principal,
      until: new Date(Math.max(Date.parse(held.not_after), renewableUntil(held, config.certificates.person))),
    }))
    .filter(({ until }) => until >= now);
}

/** By an enrolment code that somebody else handed out and that can still be used. */
async function byCode(db: Kysely<Database>, leaving: string, now: Date): Promise<Entrance[]> {
  const codes = await db
    .selectFrom('enrolments')
    .innerJoin('principals', 'principals.name', 'enrolments.principal')
    .select(['principal', 'roles', 'expires'])
    .where('redeemed_serial', 'is', null)
    .where('withdrawn', 'is', null)
    .where('enrolments.idem_by', '!=', leaving)
    .where('expires', '>', now.toISOString())
    .execute();
  return codes
    .filter(isOfficers)
    .map(({ principal, expires }) => ({ officer: principal, until: new Date(expires) }));
}

function isOfficers({ roles }: { readonly roles: string }): boolean {
  return (JSON.parse(roles) as Role[]).includes('officer');
}
