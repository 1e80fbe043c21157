import { hash } from 'node:crypto';
import { NewPrincipal, PrincipalName, type Role } from '../../protocol/api/principals.ts';
import { SERVER } from '../../protocol/events.ts';
import type { Config } from '../config.ts';
import type { Services } from '../context.ts';
import { invite } from '../decisions/invite.ts';
import { officerEntrance } from '../decisions/officers.ts';
import { createPrincipal } from '../decisions/principals.ts';
import { makeServer } from '../genesis.ts';
import { newId } from '../id.ts';
import type { Idempotency } from '../operation.ts';
import { type Ambient, openServices } from '../services.ts';

/** What init leaves behind: a server, and a code by which its first officer gets in. */
export interface Invitation {
  /** True where the server was made now; false where only the code is new. */
  readonly made: boolean;
  readonly officer: string;
  /** For `latchkey enroll`; shown this once. */
  readonly code: string;
  /** When the code ends, RFC 3339. */
  readonly expires: string;
}

/** init would give a way in where there is one, or to somebody who is no officer. */
export class InitRefused extends Error {
  override readonly name = 'InitRefused';
}

/**
 * Makes the server, or finishes making it; then an enrolment code for an officer, as long as no officer
 * can get in without one: before the first has enrolled, and after the last one's way back has ended.
 * @param named the officer; undefined: the one there is, or else `officer`
 * @throws InitRefused, KeyFault, LogDamaged, Problem
 */
export async function init(config: Config, ambient: Ambient, named?: string): Promise<Invitation> {
  mustBeReachable(config);
  mustBeAName(named);
  const made = await makeServer(config, ambient);
  const services = await openServices(config, ambient);
  try {
    await mustBeShut(services);
    const officer = await ensureOfficer(services, named);
    const request = { body: { principal: officer }, author: SERVER, idempotency: once(services) } as const;
    const { code, enrolment } = await invite(request, services);
    if (code === null)
      throw new InitRefused(`the enrolment code ended before it was made: is the clock right?`);
    return { made, officer, code, expires: enrolment.expires };
  } finally {
    await services.close();
  }
}

/** The code carries the origin, so the port must be known before there is a listener. */
function mustBeReachable({ api }: Config): void {
  if (new URL(api.origin).port !== '0') return;
  throw new InitRefused(
    'api.port is 0, so the enrolment code cannot say where the server will be: set a port',
  );
}

async function mustBeShut(services: Services): Promise<void> {
  const entrance = await officerEntrance(services);
  if (entrance === undefined) return;
  throw new InitRefused(
    `${services.config.dataDir} is initialized, and officer ${entrance.officer} has enrolled: nothing was changed. ` +
      `An officer makes codes with latchkey invite NAME. If no officer can do so any more, init makes one ` +
      `after ${entrance.until.toISOString()}, when ${entrance.officer}'s certificate can no longer be renewed`,
  );
}

/** Said before anything is made. */
function mustBeAName(named: string | undefined): void {
  if (named === undefined || PrincipalName.safeParse(named).success) return;
  throw new InitRefused(`--officer ${named}: a name is 2 to 32 of a-z 0-9 . _ - and begins with a letter`);
}

/** @returns the officer's name */
async function ensureOfficer(services: Services, named: string | undefined): Promise<string> {
  const principals = await services.read
    .selectFrom('principals')
    .select(['name', 'roles', 'state'])
    .orderBy('created')
    .execute();
  const officers = principals.filter(({ roles }) => (JSON.parse(roles) as Role[]).includes('officer'));
  const name = named ?? officers.find(({ state }) => state === 'enabled')?.name ?? 'officer';
  const known = officers.find((officer) => officer.name === name);
  if (known?.state === 'disabled') {
    throw new InitRefused(`officer ${name} has been disabled: name another one with --officer NAME`);
  }
  if (known !== undefined) return name;
  const body = NewPrincipal.parse({ name, kind: 'person', roles: ['officer'] });
  await createPrincipal({ body, author: SERVER, idempotency: once(services) }, services);
  return name;
}

/** init does not repeat a request whose answer was lost: each run is a request of its own. */
function once(services: Services): Idempotency {
  const key = newId(services);
  return { key, digest: hash('sha256', key, 'base64url') };
}
