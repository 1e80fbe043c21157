import { receipt as message, type Receipt } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { ModuleRow, OfflineBundleRow } from '../store/schema.ts';
import { verifyDevice } from './device.ts';
import { takeReceipt } from './receive.ts';
import type { Asked } from './register.ts';

/** What a module that was made during an outage says under the device key that it is registered with. */
export interface MadeReceipt {
  readonly jws: string;
  readonly claims: Receipt;
}

/** A module that was made during an outage, and the offline bundle that it holds. */
export interface Made extends MadeReceipt {
  readonly bundle: OfflineBundleRow;
  /** When it is registered, RFC 3339. */
  readonly now: string;
}

/** @throws Problem `invalid-message`, and `receipt-unknown` where it is not of its own provisioning */
export function readReceipt({ hwid, key: { x, y } }: Asked, dkt: string, jws: string): MadeReceipt {
  const claims = verifyDevice(message, jws, { hwid, dkt, x, y });
  if (claims.sub !== hwid || claims.event !== 'provisioned') throw unknownReceipt(hwid);
  return { jws, claims };
}

/** @throws Problem `receipt-unknown` */
export async function findMade(
  { read, clock }: Services,
  caller: Caller,
  { hwid, order }: Asked,
  { jws, claims }: MadeReceipt,
): Promise<Made> {
  const bundle = await read
    .selectFrom('offline_bundles')
    .selectAll()
    .where('jti', '=', claims.jti)
    .executeTakeFirst();
  const now = clock().toISOString();
  if (bundle === undefined || !isHeld(bundle, claims, order, caller, now)) throw unknownReceipt(hwid);
  // Whether it is used up is asked in the transaction: its last place may be this very module's.
  return { jws, claims, bundle, now };
}

/**
 * The bundle is of that order, of the station that asks, alive, and byte for byte what the module took. An officer may
 * bring what a station left behind, and what it kept until the bundle was over: nothing else registers those modules.
 */
function isHeld(
  { order: of, station, digest, expires }: OfflineBundleRow,
  { dig }: Receipt,
  order: string,
  { kind, name }: Caller,
  now: string,
): boolean {
  return of === order && digest === dig && (kind === 'person' || (station === name && now < expires));
}

/**
 * Counts a module in its bundle and takes its receipt, which confirms it.
 * @throws Problem `order-full` where others took the bundle's last place meanwhile, `receipt-unknown`
 */
export async function keepMade(
  tx: Tx,
  { name: by }: Caller,
  module: ModuleRow,
  { bundle, jws, claims, now }: Made,
): Promise<void> {
  const counted = await tx.db
    .updateTable('offline_bundles')
    .set((row) => ({ taken: row('taken', '+', 1) }))
    .where('jti', '=', bundle.jti)
    .whereRef('taken', '<', 'most')
    .executeTakeFirst();
  if (counted.numUpdatedRows === 0n) throw exhausted(bundle);
  const { status } = await takeReceipt(tx, { jws, module, claims, by, now });
  if (status !== 'accepted') throw unknownReceipt(module.hwid);
}

export function unknownReceipt(hwid: string): Problem {
  return new Problem(
    'receipt-unknown',
    `The receipt of module ${hwid} is not over an offline bundle that counts for this order and station; ` +
      'where the bundle is only over, an officer can still bring the receipt. Otherwise put the module aside.',
  );
}

function exhausted({ order, most }: OfflineBundleRow): Problem {
  return new Problem(
    'order-full',
    `Order ${order} lacked ${most} modules when its offline bundle was made, and ${most} are registered by it: ` +
      'this one is more than was ordered then. Put it aside.',
    { most },
  );
}
