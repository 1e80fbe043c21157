import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Unlock } from '../../protocol/api/unlocks.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Database, UnlockRow } from '../store/schema.ts';

/** An unlock, and how many tokens were signed for it. */
export interface Counted extends UnlockRow {
  readonly tokens: number;
}

/** What the api says about an unlock. */
export function viewUnlock(row: Counted): z.input<typeof Unlock> {
  return {
    id: row.id,
    hwid: row.hwid,
    requester: row.requester,
    scope: row.scope,
    seconds: row.seconds,
    reason: row.reason,
    ticket: row.ticket,
    state: row.state,
    digest: row.digest,
    approvals: row.approvals,
    created: row.created,
    deadline: row.deadline,
    issued: row.issued,
    granted: row.granted,
    opened: row.opened,
    closed: row.closed,
    why: row.why,
    elapsed: row.elapsed,
    tokens: row.tokens,
  };
}

/** Unlocks with their counts, for queries to narrow. */
export function selectUnlocks(db: Kysely<Database>) {
  return db
    .selectFrom('unlocks')
    .selectAll()
    .select((row) =>
      row
        .selectFrom('grants')
        .whereRef('grants.unlock', '=', 'unlocks.id')
        .select((grant) => grant.fn.countAll<number>().as('tokens'))
        .$asScalar()
        .$notNull()
        .as('tokens'),
    );
}

export function findUnlock(db: Kysely<Database>, id: string): Promise<Counted | undefined> {
  return selectUnlocks(db).where('id', '=', id).executeTakeFirst();
}

/** True where policy lets the caller look at everybody's unlocks. */
export function seesAll({ policy }: Pick<Services, 'policy'>, caller: Caller): boolean {
  const resource = { type: 'Log', id: 'unlocks' } as const;
  return policy.permits({ action: 'review', principal: caller, resource, context: {} }).permitted;
}

/** @throws Problem `not-found` for what is not there, and for what is not the caller's to see */
export function visible<T extends { requester: string }>(
  unlock: T | undefined,
  services: Pick<Services, 'policy'>,
  caller: Caller,
): T {
  const found = mustFind(unlock);
  return found.requester === caller.name || seesAll(services, caller) ? found : mustFind<T>(undefined);
}

/** @throws Problem `not-found`, in the same words for what is not there and for what may not be seen */
export function mustFind<T>(unlock: T | undefined): T {
  if (unlock !== undefined) return unlock;
  throw new Problem('not-found', 'There is no such unlock, or it is not yours to see.');
}
