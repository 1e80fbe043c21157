import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { NewOrder, Order, OrderAnswer, OrderChange, OrderQuery } from '../../protocol/api/orders.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { Database, ModuleRow, OrderRow } from '../store/schema.ts';
import { tallyOf } from '../store/tally.ts';
import { type Listed, page } from './directory.ts';
import { mustFind as mustFindPrincipal } from './principals.ts';

/** An order with the stations that it was given to, by name. */
export interface GivenOrder extends OrderRow {
  readonly stations: readonly string[];
}

type Answer = z.input<typeof OrderAnswer>;

/**
 * Makes an order, or finds that it was made: its name is the key.
 * @throws Problem `order-exists`, `order-full`, `not-found` where a station is none
 */
export async function createOrder(
  asked: z.output<typeof NewOrder>,
  caller: Caller,
  { commit, clock }: Services,
): Promise<Answer> {
  const { name, quantity } = asked;
  const stations = [...asked.stations].sort();
  const created = clock().toISOString();
  const { value, log } = await commit(caller, async (tx) => {
    const earlier = await findOrder(tx.db, name);
    if (earlier !== undefined) return sameOrder(earlier, quantity, stations);
    const counted = await countModules(tx.db, name);
    if (counted.registered > quantity) throw tooMany(name, counted.registered);
    const row = { name, quantity, ...counted, created, closed: null };
    await tx.db.insertInto('orders').values(row).execute();
    await giveTo(tx, name, stations);
    await tx.append({
      type: 'order.created',
      by: caller.name,
      order: name,
      quantity,
      stations,
      state: 'open',
    });
    return { ...row, stations };
  });
  return { order: viewOrder(value), log };
}

/** @throws Problem `order-unknown`, `order-full` where more are registered, `not-found` where a station is none */
export async function changeOrder(
  name: string,
  change: z.output<typeof OrderChange>,
  caller: Caller,
  { commit }: Services,
): Promise<Answer> {
  const { value, log } = await commit(caller, async (tx) => {
    const before = await mustFindOrder(tx.db, name);
    const { quantity = before.quantity, why } = change;
    const stations = [...(change.stations ?? before.stations)].sort();
    if (isSame(before, quantity, stations)) return before;
    if (before.registered > quantity) throw tooMany(name, before.registered);
    await tx.db.updateTable('orders').set({ quantity }).where('name', '=', name).execute();
    await tx.db.deleteFrom('order_stations').where('order', '=', name).execute();
    await giveTo(tx, name, stations);
    await tx.append({ type: 'order.changed', by: caller.name, order: name, quantity, stations, why });
    return { ...before, quantity, stations };
  });
  return { order: viewOrder(value), log };
}

/** No further module is registered for it until it is opened again. @throws Problem `order-unknown` */
export async function closeOrder(
  name: string,
  why: string,
  caller: Caller,
  { commit, clock }: Services,
): Promise<Answer> {
  const closed = clock().toISOString();
  const { value, log } = await commit(caller, async (tx) => {
    const before = await mustFindOrder(tx.db, name);
    if (before.closed !== null) return before;
    await tx.db.updateTable('orders').set({ closed }).where('name', '=', name).execute();
    await tx.append({ type: 'order.closed', by: caller.name, order: name, why, state: 'closed' });
    return { ...before, closed };
  });
  return { order: viewOrder(value), log };
}

/** @throws Problem `order-unknown` */
export async function reopenOrder(
  name: string,
  why: string,
  caller: Caller,
  { commit }: Services,
): Promise<Answer> {
  const { value, log } = await commit(caller, async (tx) => {
    const before = await mustFindOrder(tx.db, name);
    if (before.closed === null) return before;
    await tx.db.updateTable('orders').set({ closed: null }).where('name', '=', name).execute();
    await tx.append({ type: 'order.reopened', by: caller.name, order: name, why, state: 'open' });
    return { ...before, closed: null };
  });
  return { order: viewOrder(value), log };
}

/** By name. */
export async function listOrders(
  { limit, after, state, station }: z.output<typeof OrderQuery>,
  { read }: Services,
): Promise<Listed<z.input<typeof Order>>> {
  let query = read.selectFrom('orders').selectAll().orderBy('name');
  if (after !== undefined) query = query.where('name', '>', after);
  if (state !== undefined) query = query.where('closed', state === 'open' ? 'is' : 'is not', null);
  if (station !== undefined) {
    query = query.where('name', 'in', (row) =>
      row.selectFrom('order_stations').select('order').where('station', '=', station),
    );
  }
  const rows = await query.limit(limit + 1).execute();
  const given = await givenTo(
    read,
    rows.map(({ name }) => name),
  );
  return page(
    rows.map((row) => ({ ...row, stations: given.get(row.name) ?? [] })),
    limit,
    viewOrder,
    ({ name }) => name,
  );
}

/** What the api says about an order. */
export function viewOrder(row: GivenOrder): z.input<typeof Order> {
  const { name, quantity, stations, registered, confirmed, failed, created, closed } = row;
  const state = closed === null ? 'open' : 'closed';
  return { name, quantity, stations: [...stations], registered, confirmed, failed, state, created, closed };
}

/** @throws Problem `order-unknown` */
export async function mustFindOrder(db: Kysely<Database>, name: string): Promise<GivenOrder> {
  const order = await findOrder(db, name);
  if (order !== undefined) return order;
  throw new Problem('order-unknown', `There is no order ${name}; an officer makes orders.`);
}

async function findOrder(db: Kysely<Database>, name: string): Promise<GivenOrder | undefined> {
  const row = await db.selectFrom('orders').selectAll().where('name', '=', name).executeTakeFirst();
  return row && { ...row, stations: (await givenTo(db, [name])).get(name) ?? [] };
}

/** Stations by order, each order's by name. */
async function givenTo(db: Kysely<Database>, orders: readonly string[]): Promise<Map<string, string[]>> {
  if (orders.length === 0) return new Map();
  const rows = await db
    .selectFrom('order_stations')
    .selectAll()
    .where('order', 'in', orders)
    .orderBy('station')
    .execute();
  const given = new Map<string, string[]>();
  for (const { order, station } of rows) given.set(order, [...(given.get(order) ?? []), station]);
  return given;
}

/** A repeat, whose answer may have been lost on its way. */
function sameOrder(order: GivenOrder, quantity: number, stations: readonly string[]): GivenOrder {
  if (isSame(order, quantity, stations)) return order;
  throw new Problem(
    'order-exists',
    `There is an order ${order.name}, of ${order.quantity} modules for ${order.stations.join(', ') || 'no station'}; ` +
      'change that one, or take another name.',
  );
}

function isSame(order: GivenOrder, quantity: number, stations: readonly string[]): boolean {
  return order.quantity === quantity && order.stations.join(' ') === stations.join(' ');
}

function tooMany(name: string, registered: number): Problem {
  return new Problem(
    'order-full',
    `Order ${name} has ${registered} modules already: its quantity cannot be less. Retire some first, or close it.`,
    { registered },
  );
}

async function giveTo(tx: Tx, order: string, stations: readonly string[]): Promise<void> {
  for (const station of stations) {
    const { kind } = await mustFindPrincipal(tx, station);
    if (kind !== 'station') throw new Problem('not-found', `${station} is a person, and no station.`);
    await tx.db.insertInto('order_stations').values({ order, station }).execute();
  }
}

/** Modules that bore the order's name before there were orders: see store/orders.ts. */
async function countModules(db: Kysely<Database>, order: string) {
  const rows = await db
    .selectFrom('modules')
    .select(['state', (row) => row.fn.countAll<number>().as('modules')])
    .where('order', '=', order)
    .groupBy('state')
    .execute();
  const sum = (member: keyof ReturnType<typeof tallyOf>) =>
    rows.reduce((all, { state, modules }: { state: ModuleRow['state']; modules: number }) => {
      return all + tallyOf(state)[member] * modules;
    }, 0);
  return { registered: sum('registered'), confirmed: sum('confirmed'), failed: sum('failed') };
}
