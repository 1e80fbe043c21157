import type { z } from 'zod';
import type { Labels } from '../../protocol/api/import.ts';
import type { Caller, Services } from '../context.ts';
import { findModule, type ModuleOutcome } from './module.ts';
import { refusePlace, standingOf } from './place.ts';
import { recount } from './tally.ts';

/**
 * Changes what a module is labelled with: customer, model, and the order that it counts in, where it then
 * needs a place.
 * @throws Problem `module-unknown`, `order-unknown`, `order-closed`, `order-full`
 */
export async function labelModule(
  { commit }: Services,
  caller: Caller,
  { hwid, ...given }: z.output<typeof Labels>,
): Promise<ModuleOutcome> {
  const { value: module, log } = await commit(caller, async (tx) => {
    const before = await findModule(tx.db, hwid);
    const { order = before.order, customer = before.customer, model = before.model } = given;
    if (order === before.order && customer === before.customer && model === before.model) return before;
    if (order !== null && order !== before.order) {
      const refused = refusePlace(order, await standingOf(tx.db, order, caller), caller);
      if (refused !== undefined) throw refused;
    }
    await tx.db.updateTable('modules').set({ order, customer, model }).where('hwid', '=', hwid).execute();
    const after = { ...before, order, customer, model };
    await recount(tx, before, after);
    await tx.append({ type: 'module.labelled', by: caller.name, hwid, order, customer, model });
    return after;
  });
  return { module, log };
}
