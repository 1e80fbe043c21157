import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { OfflineBundle } from '../../protocol/api/orders.ts';
import type { Caller, Services } from '../context.ts';
import { newId } from '../id.ts';
import type { Database, OfflineBundleRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import { refusePlace, standingOf } from './place.ts';
import { openBundle, sealBundle, signBundle } from './registration.ts';

/**
 * The offline bundle of an order and a station: the same bytes while it lives. It names no module and
 * brings no password; modules that hold it are registered by its `jti`.
 * @throws Problem `order-unknown`, `order-not-yours`, `order-closed`; `order-full` where none lives
 */
export async function offlineBundle(
  services: Services,
  caller: Caller,
  order: string,
): Promise<z.input<typeof OfflineBundle>> {
  const now = services.clock().toISOString();
  const living = (db: Kysely<Database>) => findLiving(db, services, order, caller.name, now);
  const fresh = (await living(services.read)) ? undefined : await make(services, caller, order, now);
  const { value: row, log } = await services.commit(caller, async (tx) => {
    const standing = await standingOf(tx.db, order, caller);
    const held = await living(tx.db);
    const refused = refusePlace(order, standing, caller);
    if (refused !== undefined && !(refused.code === 'order-full' && held !== undefined)) throw refused;
    if (held !== undefined) return held;
    if (fresh === undefined || standing === undefined) return undefined;
    const made = { ...fresh, most: standing.quantity - standing.registered };
    await tx.db.insertInto('offline_bundles').values(made).execute();
    const { jti, station, digest: dig, kid, most, expires } = made;
    await tx.append({ type: 'bundle.issued', by: caller.name, order, station, jti, dig, kid, most, expires });
    return made;
  });
  // It was used up between the look and the commit.
  if (row === undefined) return offlineBundle(services, caller, order);
  const { jti, sealed, expires, most, taken } = row;
  const manifests = services.keys.manifests.map(({ jws }) => jws);
  const bundle = openBundle(services, { bundle_jti: jti, sealed_bundle: sealed });
  return { order, jti, bundle, manifests, expires, most, taken, log };
}

/** The newest that is neither over nor used up, and that modules under the newest manifest still take. */
function findLiving(
  db: Kysely<Database>,
  { keys }: Services,
  order: string,
  station: string,
  now: string,
): Promise<OfflineBundleRow | undefined> {
  return db
    .selectFrom('offline_bundles')
    .selectAll()
    .where('order', '=', order)
    .where('station', '=', station)
    .where('expires', '>', now)
    .whereRef('taken', '<', 'most')
    .where(
      'kid',
      'in',
      keys.issuers.map(({ kid }) => kid),
    )
    .orderBy('created', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function make(services: Services, { name }: Caller, order: string, now: string) {
  const jti = newId(services);
  const bundle = await signBundle(services, { jti });
  const expires = new Date(Date.parse(now) + services.config.offlineBundleLife * 1000).toISOString();
  return {
    ...{ jti, order, station: name, kid: services.keys.issuers[0]?.kid ?? '' },
    ...{ sealed: sealBundle(services, jti, bundle), digest: digestOf(bundle) },
    ...{ taken: 0, created: now, expires },
  };
}
