import type { z } from 'zod';
import type { ModuleQuery } from '../../protocol/api/modules.ts';
import type { UnlockQuery, UnlockWait } from '../../protocol/api/unlocks.ts';
import type { Caller, Services } from '../context.ts';
import type { Hold } from '../operation.ts';
import { type Listed, page } from './directory.ts';
import { viewModule } from './module.ts';
import { settle } from './sweep.ts';
import { type Counted, findUnlock, seesAll, selectUnlocks, viewUnlock, visible } from './unlock.ts';
import { concerns, readUntil } from './watch.ts';

/**
 * One unlock as it stands now; with `while`, as soon as its state is another, or the wait is over.
 * @throws Problem `not-found`
 */
export function lookAtUnlock(
  services: Services,
  caller: Caller,
  id: string,
  query: z.output<typeof UnlockWait>,
  hold: Hold,
): Promise<Counted> {
  const enough = ({ state }: Counted) => state !== query.while;
  const seconds = query.while === undefined ? 0 : query.wait;
  return readUntil(services, () => readUnlock(services, caller, id), enough, concerns(id), { seconds, hold });
}

async function readUnlock(services: Services, caller: Caller, id: string): Promise<Counted> {
  const unlock = visible(await findUnlock(services.read, id), services, caller);
  return (await settle(services, [unlock])) === 0 ? unlock : readUnlock(services, caller, id);
}

/** Newest first. Everybody sees their own; those who may review, all. */
export async function listUnlocks(
  services: Services,
  caller: Caller,
  query: z.output<typeof UnlockQuery>,
): Promise<Listed<ReturnType<typeof viewUnlock>>> {
  const { limit, after, hwid, state } = query;
  const requesters = seesAll(services, caller) ? [query.requester] : [query.requester, caller.name];
  let rows = selectUnlocks(services.read).orderBy('id', 'desc');
  for (const requester of requesters) {
    if (requester !== undefined) rows = rows.where('requester', '=', requester);
  }
  if (hwid !== undefined) rows = rows.where('hwid', '=', hwid);
  if (state !== undefined) rows = rows.where('state', '=', state);
  if (after !== undefined) rows = rows.where('id', '<', after);
  const found = await rows.limit(limit + 1).execute();
  if ((await settle(services, found)) > 0) return listUnlocks(services, caller, query);
  return page(found, limit, viewUnlock, ({ id }) => id);
}

/** By hardware ID. */
export async function listModules(
  { read }: Services,
  query: z.output<typeof ModuleQuery>,
): Promise<Listed<ReturnType<typeof viewModule>>> {
  const found = await selectModules(read, query).execute();
  return page(found, query.limit, viewModule, ({ hwid }) => hwid);
}

/** One more than the page holds, which tells whether there is a next. */
export function selectModules(
  read: Services['read'],
  { limit, after, imei, order, state, suspected }: z.output<typeof ModuleQuery>,
) {
  let rows = read.selectFrom('modules').selectAll().orderBy('hwid');
  if (imei !== undefined) rows = rows.where('imei', '=', imei);
  if (order !== undefined) rows = rows.where('order', '=', order);
  if (state !== undefined) rows = rows.where('state', '=', state);
  if (suspected !== undefined) rows = rows.where('suspected', 'is not', null);
  if (after !== undefined) rows = rows.where('hwid', '>', after);
  return rows.limit(limit + 1);
}
