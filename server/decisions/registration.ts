import { signMessage } from '../../protocol/jws.ts';
import { AUDIENCE, type Bundle, bundle as bundleMessage } from '../../protocol/messages.ts';
import type { Caller, Services } from '../context.ts';
import { newId } from '../id.ts';
import type { Tx } from '../log/log.ts';
import { makePassword, sealPassword } from '../passwords.ts';
import { prepared as compiled } from '../store/prepared.ts';
import type { ModuleRow, PasswordRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import { settleDoubt } from './doubt.ts';
import { keepMade, type Made } from './made.ts';
import { findModule } from './module.ts';
import { refusePlace, standingOf } from './place.ts';
import type { Asked } from './register.ts';
import { lapse } from './sweep.ts';
import { recount } from './tally.ts';

/** What one registration writes. */
export interface Prepared {
  readonly module: ModuleRow;
  /** Undefined where the module was made during an outage: its first token brings one. */
  readonly password: PasswordRow | undefined;
  /** How it was made then; undefined where its bundle is still to be handed over. */
  readonly made: Made | undefined;
}

/** Whether the bundle is made with the registration, or once somebody asks for it: see bundling.ts. */
export type Bundling = 'now' | 'later';

/** A registration with a bundle of its own, and the password in it. */
export async function prepare(
  services: Services,
  caller: Caller,
  asked: Asked,
  { dkt, ver, bundling }: { readonly dkt: string; readonly ver: number; readonly bundling: Bundling },
): Promise<Prepared> {
  const { hwid } = asked;
  const { password, hash } = await makePassword(services);
  const jti = newId(services);
  const made =
    bundling === 'later'
      ? { bundle_digest: '', sealed_bundle: Buffer.alloc(0) }
      : await makeBundle(services, { jti, sub: hwid, dkt, pw: { ver, hash } });
  const created = services.clock().toISOString();
  return {
    made: undefined,
    password: {
      ...{ hwid, ver, hash, created, revealed: null },
      sealed: sealPassword(services, hwid, ver, password),
    },
    module: {
      ...moduleOf(asked, dkt, caller, created),
      ...{ bundle_jti: jti, ...made },
    },
  };
}

async function makeBundle(services: Services, claims: Omit<Bundle, 'iss' | 'aud'>) {
  const bundle = await signBundle(services, claims);
  return { bundle_digest: digestOf(bundle), sealed_bundle: sealBundle(services, claims.jti, bundle) };
}

/** The registration of a module that holds an offline bundle already. */
export function prepareMade(
  { clock }: Services,
  caller: Caller,
  asked: Asked,
  dkt: string,
  made: Made,
): Prepared {
  const { jti, digest, sealed } = made.bundle;
  const module = {
    ...moduleOf(asked, dkt, caller, clock().toISOString()),
    ...{ bundle_jti: jti, bundle_digest: digest, sealed_bundle: sealed },
  };
  return { module, password: undefined, made };
}

function moduleOf(asked: Asked, dkt: string, caller: Caller, registered: string) {
  const { hwid, key, order, imei = null, customer = null, model = null } = asked;
  return {
    ...{ hwid, dkt, x: key.x, y: key.y, imei, order, customer, model },
    ...({ state: 'registered', confirmed: null } as const),
    ...{ registered, registered_by: caller.name },
    ...{ foreign_token: null, cleared_token: null, suspected: null },
    ...{ granted_seq: 0, pwv: null, pwv_seq: 0 },
  };
}

/** A bundle for one module with its first password, or the offline one, which says neither. */
export function signBundle(
  { keys }: Pick<Services, 'keys'>,
  claims: Omit<Bundle, 'iss' | 'aud'>,
): Promise<string> {
  const [issuer] = keys.issuers;
  if (issuer === undefined) throw new Error('there is no live issuer key');
  return signMessage(bundleMessage, { iss: keys.iss, aud: AUDIENCE, ...claims }, issuer);
}

export function sealBundle({ sealer }: Pick<Services, 'sealer'>, jti: string, bundle: string): Uint8Array {
  return sealer.seal(Buffer.from(bundle), { purpose: 'bundle', subject: jti, version: 1 });
}

export function openBundle(
  { sealer }: Pick<Services, 'sealer'>,
  { bundle_jti, sealed_bundle }: Pick<ModuleRow, 'bundle_jti' | 'sealed_bundle'>,
): string {
  const opened = sealer.open(sealed_bundle, { purpose: 'bundle', subject: bundle_jti, version: 1 });
  return Buffer.from(opened).toString();
}

const insertModule = compiled((db, module: ModuleRow) =>
  db
    .insertInto('modules')
    .values(module)
    .onConflict((conflict) => conflict.doNothing()),
);
const insertPassword = compiled((db, password: PasswordRow) => db.insertInto('passwords').values(password));

/** @returns false where the hardware ID or the device key was registered meanwhile */
export async function insert(tx: Tx, caller: Caller, prepared: Prepared): Promise<boolean> {
  const { numAffectedRows } = await insertModule(tx.db, prepared.module);
  if (numAffectedRows === 0n) return false;
  await takePlace(tx, caller, undefined, prepared.module);
  await complete(tx, caller, prepared);
  return true;
}

/**
 * A retired module starts anew with another device key, as after a reset. What the old key had under
 * way ends: its tokens are for another key.
 * @returns false where it was registered anew meanwhile, or another module with this device key
 */
export async function replace(
  tx: Tx,
  caller: Caller,
  { hwid, dkt, x, y }: ModuleRow,
  prepared: Prepared,
): Promise<boolean> {
  const { module } = prepared;
  const retired = await findModule(tx.db, hwid);
  const twin = tx.db.selectFrom('modules').select('hwid').where('dkt', '=', module.dkt);
  if ((await twin.executeTakeFirst()) !== undefined) return false;
  const replaced = await tx.db
    .updateTable('modules')
    .set(module)
    .where('hwid', '=', hwid)
    .where('dkt', '=', dkt)
    .where('state', '=', 'retired')
    .executeTakeFirst();
  if (replaced.numUpdatedRows === 0n) return false;
  await takePlace(tx, caller, retired, module);
  await tx.db.insertInto('former_keys').values({ hwid, dkt, x, y }).execute();
  await settleDoubt(tx, hwid);
  const unfinished = await tx.db
    .selectFrom('unlocks')
    .selectAll()
    .where('hwid', '=', hwid)
    .where('state', 'in', ['waiting', 'ready', 'issued', 'open'])
    .execute();
  for (const unlock of unfinished)
    await lapse(tx, unlock, unlock.issued === null ? 'expired' : 'unaccounted');
  await complete(tx, caller, prepared);
  return true;
}

/**
 * A module that was registered, and then made during an outage before its own bundle reached it, has its
 * place already. The password of the bundle that it never got stays sealed and unused.
 * @returns false where it has got on meanwhile
 */
export async function adopt(tx: Tx, caller: Caller, before: ModuleRow, prepared: Prepared): Promise<boolean> {
  const { hwid, order, imei, customer, model, registered, registered_by } = before;
  const { bundle_jti, bundle_digest, sealed_bundle } = prepared.module;
  const adopted = await tx.db
    .updateTable('modules')
    .set({ bundle_jti, bundle_digest, sealed_bundle })
    .where('hwid', '=', hwid)
    .where('bundle_jti', '=', before.bundle_jti)
    .where('state', '=', 'registered')
    .executeTakeFirst();
  if (adopted.numUpdatedRows === 0n) return false;
  const kept = { order, imei, customer, model, registered, registered_by };
  await complete(tx, caller, { ...prepared, module: { ...prepared.module, ...kept } });
  return true;
}

/**
 * Never more modules than were ordered, whoever else asks at the same moment.
 * @throws Problem `order-unknown`, `order-not-yours`, `order-closed`, `order-full`
 */
async function takePlace(
  tx: Tx,
  caller: Caller,
  before: ModuleRow | undefined,
  module: ModuleRow,
): Promise<void> {
  const order = module.order ?? '';
  const refused = refusePlace(order, await standingOf(tx.db, order, caller), caller);
  if (refused !== undefined) throw refused;
  await recount(tx, before, module);
}

/** The event, and what comes with the bundle: its password, or the receipt of a module that holds it. */
async function complete(tx: Tx, caller: Caller, { module, password, made }: Prepared): Promise<void> {
  if (password !== undefined) await insertPassword(tx.db, password);
  const { hwid, imei, order, customer, model, dkt, bundle_jti: jti, bundle_digest: dig } = module;
  await tx.append({
    ...{ type: 'module.registered', by: caller.name, state: 'registered' },
    ...{ hwid, imei, order, dkt, jti, ver: password?.ver ?? 0 },
    ...(dig !== '' && { dig }),
    ...(customer !== null && { customer }),
    ...(model !== null && { model }),
  });
  if (made !== undefined) await keepMade(tx, caller, module, made);
}
