import type { Caller, Services } from '../context.ts';
import type { LogPosition } from '../log/log.ts';
import type { ModuleRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import { findModule, obstacle } from './module.ts';
import { openBundle, sealBundle, signBundle } from './registration.ts';

/** A bundle to hand out; `log` is null where it had been made before. */
export interface HandedBundle {
  readonly bundle: string;
  readonly log: LogPosition | null;
}

/**
 * The bundle of a registered module: the bytes that are kept, or where an import registered it, signed now that
 * somebody asks, which is an event before it leaves (order rule 1).
 * @throws Problem `module-inactive` where the module has been taken out of use since
 */
export async function bundleOf(services: Services, caller: Caller, module: ModuleRow): Promise<HandedBundle> {
  if (isBundled(module)) return { bundle: openBundle(services, module), log: null };
  const { hwid, dkt, bundle_jti: jti } = module;
  const { ver, hash } = await services.read
    .selectFrom('passwords')
    .select(['ver', 'hash'])
    .where('hwid', '=', hwid)
    .orderBy('ver', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const bundle = await signBundle(services, { jti, sub: hwid, dkt, pw: { ver, hash } });
  const dig = digestOf(bundle);
  const sealed_bundle = sealBundle(services, jti, bundle);
  const { value: made, log } = await services.commit(caller, async ({ db, append }) => {
    const { numUpdatedRows } = await db
      .updateTable('modules')
      .set({ sealed_bundle, bundle_digest: dig })
      .where('hwid', '=', hwid)
      .where('bundle_jti', '=', jti)
      .where('bundle_digest', '=', '')
      .where('state', '=', 'registered')
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await append({ type: 'module.bundled', by: caller.name, hwid, jti, dig });
    return true;
  });
  if (made) return { bundle, log };
  // Two asked at once, and the other's is the one that stands.
  const now = await findModule(services.read, hwid);
  if (isBundled(now)) return { bundle: openBundle(services, now), log: null };
  throw obstacle(hwid, now) ?? new Error(`the bundle of ${hwid} was neither made nor found`);
}

function isBundled({ bundle_digest }: ModuleRow): boolean {
  return bundle_digest !== '';
}
