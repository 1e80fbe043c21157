import type { Tx } from '../log/log.ts';
import { prepared } from '../store/prepared.ts';
import type { ModuleRow, OrderRow } from '../store/schema.ts';
import { type Tally, tallyOf } from '../store/tally.ts';

type Counted = Pick<ModuleRow, 'order' | 'state'>;

/**
 * Counts a module where it stands now and no longer where it stood, in the transaction that moves it.
 * @param before undefined where it is new
 */
export async function recount(tx: Tx, before: Counted | undefined, after: Counted): Promise<void> {
  if (before?.order === after.order && before.state === after.state) return;
  if (before !== undefined) await count(tx, before.order, tallyOf(before.state), -1);
  await count(tx, after.order, tallyOf(after.state), 1);
}

/** An order that does not exist counts nothing: see store/orders.ts. */
async function count({ db }: Tx, order: string | null, tally: Tally, sign: 1 | -1): Promise<void> {
  if (order === null) return;
  const { registered, confirmed, failed } = tally;
  await add(db, {
    ...{ name: order, registered: sign * registered, confirmed: sign * confirmed, failed: sign * failed },
  });
}

const add = prepared((db, { name, registered, confirmed, failed }: Tally & Pick<OrderRow, 'name'>) =>
  db
    .updateTable('orders')
    .set((row) => ({
      registered: row('registered', '+', registered),
      confirmed: row('confirmed', '+', confirmed),
      failed: row('failed', '+', failed),
    }))
    .where('name', '=', name),
);
