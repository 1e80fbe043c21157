import type { z } from 'zod';
import type { NewUnlock } from '../../protocol/api/unlocks.ts';
import { approvalDigest } from '../../protocol/approval.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { newId } from '../id.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import type { Idempotency } from '../operation.ts';
import { prepared } from '../store/prepared.ts';
import type { UnlockRow } from '../store/schema.ts';
import { mayRequest, type RequestAnswer } from './ask.ts';
import { sameRequest } from './idempotency.ts';
import { obstacle } from './module.ts';
import { type Counted, findUnlock } from './unlock.ts';

type Asked = z.output<typeof NewUnlock>;

/** An unlock as it stands after the call; `log` is null where nothing had to be written. */
export interface UnlockOutcome {
  readonly unlock: Counted;
  readonly log: LogPosition | null;
}

/**
 * Asks for an unlock. A repeat with the same Idempotency-Key returns the first one's row, whatever
 * became of it or of the policy.
 * @throws Problem
 */
export async function requestUnlock(
  services: Services,
  caller: Caller,
  asked: Asked,
  idempotency: Idempotency,
): Promise<UnlockOutcome> {
  const row = newRow(services, caller, asked, idempotency);
  const answer = mayRequest(services, caller, row);
  const { value, log } = await services.commit(caller, (tx) => decide(tx, row, answer));
  if (value instanceof Problem) throw value;
  return { unlock: value, log };
}

/** @returns a Problem where the refusal itself is to be committed */
async function decide(tx: Tx, row: UnlockRow, answer: RequestAnswer): Promise<Counted | Problem> {
  const earlier = await earlierRow(tx, row);
  if (earlier !== undefined) return earlier;
  const { hwid, scope, seconds, requester: by } = row;
  const [module] = (await findModule(tx.db, { hwid })).rows;
  if (module !== undefined && !answer.permitted) {
    await tx.append({ type: 'unlock.refused', by, hwid, scope, seconds, need: answer.need });
    const { need } = answer;
    return new Problem('forbidden', `Policy refuses this unlock: it needs ${need}.`, { need });
  }
  const refusal = obstacle(hwid, module);
  if (refusal !== undefined) throw refusal;
  return insert(tx, row, answer.permitted ? answer.approvals : 0);
}

const findModule = prepared((db, { hwid }: { hwid: string }) =>
  db.selectFrom('modules').select(['state', 'foreign_token']).where('hwid', '=', hwid),
);

const findEarlier = prepared((db, { idem_by, idem_key }: Pick<UnlockRow, 'idem_by' | 'idem_key'>) =>
  db
    .selectFrom('unlocks')
    .select(['id', 'idem_digest'])
    .where('idem_by', '=', idem_by)
    .where('idem_key', '=', idem_key),
);

const insertUnlock = prepared((db, row: UnlockRow) => db.insertInto('unlocks').values(row));

/** @throws Problem `idempotency-key-reused` */
async function earlierRow(
  tx: Tx,
  { idem_by, idem_key, idem_digest }: UnlockRow,
): Promise<Counted | undefined> {
  const [earlier] = (await findEarlier(tx.db, { idem_by, idem_key })).rows;
  const same = sameRequest(earlier, { key: idem_key, digest: idem_digest });
  return same && findUnlock(tx.db, same.id);
}

async function insert(tx: Tx, row: UnlockRow, approvals: number): Promise<Counted> {
  const state = approvals === 0 ? 'ready' : 'waiting';
  const unlock = { ...row, approvals, state } as const;
  await insertUnlock(tx.db, unlock);
  const { id, requester, hwid, scope, seconds, reason, ticket, digest } = unlock;
  const asked = { hwid, scope, seconds, reason, ticket };
  await tx.append({ ...asked, type: 'unlock.requested', by: requester, unlock: id, dig: digest, state });
  return { ...unlock, tokens: 0 };
}

function newRow(services: Services, caller: Caller, asked: Asked, idempotency: Idempotency): UnlockRow {
  const now = services.clock();
  const approved = {
    id: newId(services),
    requester: caller.name,
    hwid: asked.hwid,
    scope: asked.scope,
    seconds: asked.seconds,
    reason: asked.reason,
    ticket: asked.ticket ?? null,
  };
  return {
    ...approved,
    idem_by: caller.name,
    idem_key: idempotency.key,
    idem_digest: idempotency.digest,
    digest: approvalDigest(approved),
    approvals: 0,
    state: 'ready',
    created: now.toISOString(),
    deadline: new Date(now.getTime() + services.config.unlockDeadline * 1000).toISOString(),
    issued: null,
    granted: null,
    opened: null,
    closed: null,
    why: null,
    elapsed: null,
  };
}
