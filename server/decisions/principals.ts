import type { z } from 'zod';
import type { NewPrincipal, Principal, PrincipalAnswer, Role } from '../../protocol/api/principals.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Author, Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { Idempotency } from '../operation.ts';
import type { PrincipalRow } from '../store/schema.ts';
import { nameOf } from './author.ts';
import { sameRequest } from './idempotency.ts';
import { mustLeaveAnOfficer } from './officers.ts';
import { revokeAll } from './revoke.ts';

/** A request that makes a row, and who sent it. */
export interface Creation<T> {
  readonly body: T;
  readonly author: Author;
  readonly idempotency: Idempotency;
}

/** @throws Problem `principal-exists`, `idempotency-key-reused` */
export async function createPrincipal(
  { body, author, idempotency }: Creation<z.output<typeof NewPrincipal>>,
  { commit, clock }: Services,
): Promise<z.input<typeof PrincipalAnswer>> {
  const by = nameOf(author);
  const created: PrincipalRow = {
    name: body.name,
    kind: body.kind,
    roles: JSON.stringify(body.roles),
    state: 'enabled',
    created: clock().toISOString(),
    idem_by: by,
    idem_key: idempotency.key,
    idem_digest: idempotency.digest,
  };
  const { value, log } = await commit(author, async (tx) => {
    const earlier = sameRequest(await madeBy(tx, created), idempotency);
    if (earlier !== undefined) return earlier;
    if ((await find(tx, body.name)) !== undefined) {
      throw new Problem(
        'principal-exists',
        `There is a principal ${body.name}, and names are not given twice; take another.`,
      );
    }
    await tx.db.insertInto('principals').values(created).execute();
    await tx.append({
      type: 'principal.created',
      by,
      principal: body.name,
      kind: body.kind,
      roles: body.roles,
    });
    return created;
  });
  return { principal: principalOf(value), log };
}

/**
 * Nobody with a disabled principal's certificates or codes gets in, nor when it is enabled again.
 * @throws Problem `not-found`, `last-officer`
 */
export async function disablePrincipal(
  name: string,
  caller: Caller,
  services: Services,
): Promise<z.input<typeof PrincipalAnswer>> {
  const { name: by } = caller;
  const { value, log } = await services.commit(caller, async (tx) => {
    const principal = await mustFind(tx, name);
    if (principal.state === 'disabled') return principal;
    if (rolesOf(principal.roles).includes('officer')) await mustLeaveAnOfficer(tx.db, name, services);
    const disabled = await setState(tx, principal, 'disabled');
    await tx.append({ type: 'principal.disabled', by, principal: name });
    await revokeAll(tx, name, by, services.clock());
    return disabled;
  });
  return { principal: principalOf(value), log };
}

/** @throws Problem `not-found` */
export async function enablePrincipal(
  name: string,
  caller: Caller,
  { commit }: Services,
): Promise<z.input<typeof PrincipalAnswer>> {
  const { name: by } = caller;
  const { value, log } = await commit(caller, async (tx) => {
    const principal = await mustFind(tx, name);
    if (principal.state === 'enabled') return principal;
    const enabled = await setState(tx, principal, 'enabled');
    await tx.append({ type: 'principal.enabled', by, principal: name });
    return enabled;
  });
  return { principal: principalOf(value), log };
}

/** A principal as the api shows it. */
export function principalOf({ name, kind, roles, state, created }: PrincipalRow): z.input<typeof Principal> {
  return { name, kind, roles: rolesOf(roles), state, created };
}

function rolesOf(json: string): Role[] {
  return JSON.parse(json);
}

function madeBy({ db }: Tx, { idem_by, idem_key }: PrincipalRow): Promise<PrincipalRow | undefined> {
  return db
    .selectFrom('principals')
    .selectAll()
    .where('idem_by', '=', idem_by)
    .where('idem_key', '=', idem_key)
    .executeTakeFirst();
}

function find({ db }: Pick<Tx, 'db'>, name: string): Promise<PrincipalRow | undefined> {
  return db.selectFrom('principals').selectAll().where('name', '=', name).executeTakeFirst();
}

/** @throws Problem `not-found` */
export async function mustFind(tx: Pick<Tx, 'db'>, name: string): Promise<PrincipalRow> {
  const row = await find(tx, name);
  if (row === undefined) throw new Problem('not-found', `There is no principal ${name}.`);
  return row;
}

async function setState(
  { db }: Tx,
  principal: PrincipalRow,
  state: PrincipalRow['state'],
): Promise<PrincipalRow> {
  await db.updateTable('principals').set({ state }).where('name', '=', principal.name).execute();
  return { ...principal, state };
}
