import type { z } from 'zod';
import type { ReceiptResults } from '../../protocol/api/receipts.ts';
import { MessageError, openEnvelope } from '../../protocol/jws.ts';
import { receipt as message, type Receipt } from '../../protocol/messages.ts';
import { Problem, type ProblemCode } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { ModuleRow, ReceiptRow, UnlockRow } from '../store/schema.ts';
import { digestOf, verifyDevice } from './device.ts';
import { hear, knownOf } from './doubt.ts';
import { raiseForeignToken } from './module.ts';
import { afterReceipt } from './receipt.ts';
import { recount } from './tally.ts';

type Results = z.input<typeof ReceiptResults>;
type Result = Results['results'][number];

/** A receipt that a module of ours signed, and who brought it when. */
export interface Proved {
  readonly jws: string;
  readonly module: ModuleRow;
  readonly claims: Receipt;
  readonly by: string;
  readonly now: string;
}

/**
 * Takes receipts from whoever brings them: the module's signature is what counts. Each has a result
 * of its own; what was taken before is `known`.
 */
export async function takeReceipts(
  services: Services,
  caller: Caller,
  receipts: readonly string[],
): Promise<Results> {
  const checked = await Promise.all(receipts.map((jws) => prove(services, caller, jws)));
  const { value, log } = await services.commit(caller, async (tx) => {
    const results: Result[] = [];
    for (const one of checked) results.push('status' in one ? one : await takeReceipt(tx, one));
    return results;
  });
  return { results: value, log };
}

async function prove(services: Services, caller: Caller, jws: string): Promise<Proved | Result> {
  try {
    const module = await signerOf(services, jws);
    if (module === undefined) return refused('receipt-unknown');
    const claims = verifyDevice(message, jws, module);
    if (claims.sub !== module.hwid) return refused('receipt-unknown');
    return { jws, module, claims, by: caller.name, now: services.clock().toISOString() };
  } catch (error) {
    if (error instanceof MessageError || error instanceof Problem) return refused('invalid-message');
    throw error;
  }
}

/** The module whose device key, or former one, the header names; nothing of the payload is read before. */
async function signerOf({ read }: Services, jws: string): Promise<ModuleRow | undefined> {
  const { kid } = openEnvelope(message, jws);
  const current = await read.selectFrom('modules').selectAll().where('dkt', '=', kid).executeTakeFirst();
  if (current !== undefined) return current;
  const former = await read.selectFrom('former_keys').selectAll().where('dkt', '=', kid).executeTakeFirst();
  if (former === undefined) return undefined;
  const module = await read
    .selectFrom('modules')
    .selectAll()
    .where('hwid', '=', former.hwid)
    .executeTakeFirstOrThrow();
  // The bundle that the module has now was not made for this key: it confirms nothing.
  return { ...module, ...former, bundle_jti: '' };
}

/** Takes one receipt that its module signed, in the transaction that it is to count in. */
export async function takeReceipt(tx: Tx, proved: Proved): Promise<Result> {
  const row = rowOf(proved);
  const earlier = await tx.db
    .selectFrom('receipts')
    .select(['why', 'elapsed', 'pwv'])
    .where('hwid', '=', row.hwid)
    .where('jti', '=', row.jti)
    .where('event', '=', row.event)
    .where('seq', '=', row.seq)
    .executeTakeFirst();
  if (earlier === undefined)
    return row.event === 'provisioned' ? confirm(tx, proved, row) : move(tx, proved, row);
  // The same words signed twice differ in bytes, since ECDSA is random; other words are another receipt.
  const same = earlier.why === row.why && earlier.elapsed === row.elapsed && earlier.pwv === row.pwv;
  if (!same) return refused('invalid-message');
  const unlock = await tx.db
    .selectFrom('unlocks')
    .select('state')
    .where('id', '=', row.jti)
    .where('hwid', '=', row.hwid)
    .executeTakeFirst();
  return { status: 'known', code: null, jti: row.jti, state: unlock?.state ?? null };
}

/** The module holds the very bundle that was made for it. */
async function confirm(tx: Tx, proved: Proved, row: ReceiptRow): Promise<Result> {
  const { module, claims } = proved;
  const { hwid, bundle_jti: jti, bundle_digest: dig } = module;
  if (claims.jti !== jti || claims.dig !== dig) return refused('receipt-unknown');
  const result = await keep(tx, proved, row, null);
  const confirmed = await tx.db
    .updateTable('modules')
    .set({ state: 'confirmed', confirmed: row.received })
    .where('hwid', '=', hwid)
    // Registered anew meanwhile, it has another bundle, of which this says nothing.
    .where('bundle_jti', '=', jti)
    .where('state', '=', 'registered')
    .returning('order')
    .executeTakeFirst();
  if (confirmed === undefined) return result;
  const { order } = confirmed;
  await recount(tx, { order, state: 'registered' }, { order, state: 'confirmed' });
  await tx.append({ type: 'module.confirmed', by: row.received_by, hwid, jti, dig, state: 'confirmed' });
  return result;
}

/** Moves the unlock whose token the receipt names. */
async function move(tx: Tx, proved: Proved, row: ReceiptRow): Promise<Result> {
  const { claims } = proved;
  const unlock = await grantedUnlock(tx, claims);
  if (unlock === undefined) return testify(tx, proved, row);
  const after = afterReceipt(unlock, claims, unlock.seq, row.received);
  const { id, hwid } = unlock;
  const { state, opened, closed, why, elapsed } = after;
  const result = await keep(tx, proved, row, state);
  await tx.db
    .updateTable('unlocks')
    .set({ state, opened, closed, why, elapsed })
    .where('id', '=', id)
    .execute();
  if (state === 'expired' && unlock.state !== 'expired') {
    await tx.append({ type: 'unlock.expired', by: row.received_by, unlock: id, hwid, why: 'refused', state });
  }
  return result;
}

/**
 * The module tells of a token that was not made for it. That is on record and moves no unlock. A token
 * of another module's it can only refuse; one that it took, or that nobody was granted, is one that
 * this server never issued, and counts as a challenge's `last` does.
 */
async function testify(tx: Tx, proved: Proved, row: ReceiptRow): Promise<Result> {
  const { hwid, jti, event, received_by: by } = row;
  const result = await keep(tx, proved, row, null);
  const grant = await tx.db
    .selectFrom('grants')
    .select('unlock')
    .where('unlock', '=', jti)
    .limit(1)
    .executeTakeFirst();
  if (event !== 'refused' || grant === undefined) await raiseForeignToken(tx, { by, hwid, last: jti });
  return result;
}

interface Granted extends UnlockRow {
  /** Of the challenge that the newest token answered. */
  readonly seq: number;
}

function grantedUnlock(tx: Tx, { jti, sub }: Receipt): Promise<Granted | undefined> {
  return tx.db
    .selectFrom('unlocks')
    .innerJoin('grants', 'grants.unlock', 'unlocks.id')
    .selectAll('unlocks')
    .select('seq')
    .where('id', '=', jti)
    .where('unlocks.hwid', '=', sub)
    .orderBy('turn', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The receipt's row, the password version that the module reports, the event. */
async function keep(
  tx: Tx,
  { module, jws }: Proved,
  row: ReceiptRow,
  state: UnlockRow['state'] | null,
): Promise<Result> {
  await tx.db.insertInto('receipts').values(row).execute();
  const { hwid, jti, event, why, elapsed, seq, pwv, received: now } = row;
  const known = await knownOf(tx, hwid, pwv);
  const { numUpdatedRows: isNewest } = await tx.db
    .updateTable('modules')
    .set({ pwv, pwv_seq: seq })
    .where('hwid', '=', hwid)
    // What a former device key says is not about what is in force now.
    .where('dkt', '=', module.dkt)
    .where('pwv_seq', '<', seq)
    .executeTakeFirst();
  if (isNewest > 0n) await hear(tx, { hwid, jti, pwv, now }, known);
  await tx.append({
    ...{ type: 'receipt.accepted', by: row.received_by, dig: digestOf(jws), state },
    ...{ hwid, jti, event, why, elapsed, seq, pwv },
  });
  return { status: 'accepted', code: null, jti, state };
}

function rowOf({ jws, claims, by, now }: Proved): ReceiptRow {
  const { sub: hwid, jti, event, seq, why = null, elapsed, pwv } = claims;
  return { hwid, jti, event, seq, why, elapsed, pwv, jws, received: now, received_by: by };
}

function refused(code: ProblemCode): Result {
  return { status: 'refused', code, jti: null, state: null };
}
