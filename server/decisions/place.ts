import type { Kysely } from 'kysely';
import { Problem } from '../../protocol/problems.ts';
import type { Caller } from '../context.ts';
import { prepared } from '../store/prepared.ts';
import type { Database, ModuleRow, OrderRow } from '../store/schema.ts';

/** An order as whoever registers a module finds it. */
export interface Standing extends Pick<OrderRow, 'name' | 'quantity' | 'registered' | 'closed'> {
  /** 1 where it was given to the caller, by name. */
  readonly given: number;
}

/** How an order stands to a caller; undefined where there is none of that name. */
export async function standingOf(
  db: Kysely<Database>,
  order: string,
  { name }: Caller,
): Promise<Standing | undefined> {
  return (await read(db, { order, station: name })).rows[0];
}

const read = prepared((db, { order, station }: { order: string; station: string }) =>
  db
    .selectFrom('orders')
    .select(['name', 'quantity', 'registered', 'closed'])
    .select((row) =>
      row
        .exists(
          row
            .selectFrom('order_stations')
            .select('station')
            .where('order', '=', order)
            .where('station', '=', station),
        )
        .$castTo<number>()
        .as('given'),
    )
    .where('name', '=', order),
);

/** Why the caller gets no place in the order for another module; undefined where they do. Pure. */
export function refusePlace(name: string, order: Standing | undefined, caller: Caller): Problem | undefined {
  if (order === undefined)
    return new Problem('order-unknown', `There is no order ${name}; an officer makes orders.`);
  if (!isGiven(order, caller)) return notYours(name, caller);
  if (order.closed !== null) {
    return new Problem('order-closed', `Order ${name} is closed; an officer can open it again.`);
  }
  if (order.registered < order.quantity) return undefined;
  return new Problem(
    'order-full',
    `Order ${name} has its ${order.quantity} modules; an officer can raise it, or retire those that failed.`,
    { quantity: order.quantity },
  );
}

/**
 * Why a module that is registered is not told of again: another order was named, or the caller is a
 * station that works on others. Closed or full, it has its place. Pure.
 */
export function refuseRepeat(
  { hwid, order }: Pick<ModuleRow, 'hwid' | 'order'>,
  asked: string,
  standing: Standing | undefined,
  caller: Caller,
): Problem | undefined {
  // Registered before there were orders.
  if (order === null || standing === undefined) return undefined;
  if (!isGiven(standing, caller)) return notYours(order, caller);
  if (order === asked) return undefined;
  return new Problem(
    'order-mismatch',
    `Module ${hwid} is registered for order ${order}, not for ${asked}; take that one, or ask an officer.`,
    { order },
  );
}

/** Officers are nobody's station. */
function isGiven({ given }: Standing, { kind }: Caller): boolean {
  return kind === 'person' || given === 1;
}

function notYours(order: string, { name }: Caller): Problem {
  return new Problem('order-not-yours', `Order ${order} was not given to ${name}; an officer gives it.`);
}
