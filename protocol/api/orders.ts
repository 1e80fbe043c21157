import { z } from 'zod';
import { Id, Jws, LogPosition, Moment, Text } from './fields.ts';
import { Page } from './list.ts';
import { PrincipalName } from './principals.ts';

export const OrderName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'an order’s name is 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit',
  )
  .describe('Production order');
const Quantity = z.int().min(1).max(100_000_000);
const Stations = z
  .array(PrincipalName)
  .max(256)
  .refine((names) => new Set(names).size === names.length, 'a station is given twice');
/** How many modules of which name, and the stations that may make them. */
export const NewOrder = z.strictObject({ name: OrderName, quantity: Quantity, stations: Stations });
export const Order = z.strictObject({
  name: OrderName,
  /** Modules ordered. */
  quantity: z.int(),
  stations: z.array(PrincipalName),
  /** Modules that have a place in the order: all of it that are not retired. */
  registered: z.int(),
  /** Those of them whose provisioning receipt came. */
  confirmed: z.int(),
  /** Modules of the order that were retired. */
  failed: z.int(),
  state: z.enum(['open', 'closed']),
  created: Moment,
  closed: Moment.nullable(),
});
/** What is given replaces what was; the stations as a whole. */
export const OrderChange = z
  .strictObject({ quantity: Quantity.optional(), stations: Stations.optional(), why: Text })
  .refine(({ quantity, stations }) => quantity !== undefined || stations !== undefined, {
    error: 'nothing is to be changed: give a quantity or stations',
  });
export const OrderAnswer = z.strictObject({ order: Order, log: LogPosition.nullable() });
/** What a station hands to each module of the order while it does not reach the server: the manifests first. */
export const OfflineBundle = z.strictObject({
  order: OrderName,
  jti: Id,
  bundle: Jws,
  manifests: z.array(Jws),
  /** Modules that hold it are registered until then. */
  expires: Moment,
  /** Modules that may be registered by it: what the order lacked when it was made. */
  most: z.int(),
  /** Modules that were. */
  taken: z.int(),
  log: LogPosition.nullable(),
});
export const OrderQuery = Page.extend({
  state: Order.shape.state.optional(),
  /** Only those given to this station. */
  station: PrincipalName.optional(),
});
