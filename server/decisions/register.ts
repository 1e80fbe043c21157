import type { z } from 'zod';
import type { NewModule } from '../../protocol/api/modules.ts';
import { keyObject, thumbprint } from '../../protocol/jwk.ts';
import { signMessage } from '../../protocol/jws.ts';
import { AUDIENCE, bundle as bundleMessage } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { newId } from '../id.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import { makePassword, sealPassword } from '../passwords.ts';
import type { ModuleRow, PasswordRow } from '../store/schema.ts';
import { digestOf } from './device.ts';
import { settleDoubt } from './doubt.ts';
import { findModule } from './module.ts';
import { refusePlace, refuseRepeat, standingOf } from './place.ts';
import { lapse } from './sweep.ts';
import { recount } from './tally.ts';

type Asked = z.output<typeof NewModule>;

/** A registered module and the bundle that provisions it; `log` is null where it was registered before. */
export interface Registration {
  readonly module: ModuleRow;
  readonly bundle: string;
  readonly log: LogPosition | null;
}

/** What one registration writes. */
interface Prepared {
  readonly module: ModuleRow;
  readonly password: PasswordRow;
}

/**
 * Registers a module for an order, or finds it registered: hardware ID and device key together are the
 * key, so a station that repeats itself gets the same bytes.
 * @throws Problem
 */
export async function registerModule(
  services: Services,
  caller: Caller,
  asked: Asked,
): Promise<Registration> {
  const dkt = deviceKeyOf(asked);
  // Before the module is looked for: where a request of its own takes the last place meanwhile, it is found.
  const standing = await standingOf(services.read, asked.order, caller);
  const known = await findTwin(services, asked.hwid, dkt);
  if (known !== undefined && !(await startsAnew(services, known, asked.hwid, dkt)))
    return again(services, caller, known, asked, dkt);
  // Only to spare the work: what counts is asked in the transaction.
  const refused = refusePlace(asked.order, standing, caller);
  if (refused !== undefined) throw refused;
  const ver = known === undefined ? 1 : await nextVersion(services, known);
  const prepared = await prepare(services, caller, asked, dkt, ver);
  const { value: inserted, log } = await services.commit(caller, (tx) =>
    known === undefined ? insert(tx, caller, prepared) : replace(tx, caller, known, prepared),
  );
  if (inserted) return { module: prepared.module, bundle: openBundle(services, prepared.module), log };
  const faster = await findTwin(services, asked.hwid, dkt);
  if (faster === undefined) throw new Error(`module ${asked.hwid} was neither made nor found`);
  return again(services, caller, faster, asked, dkt);
}

/** @throws Problem `invalid-request` where the coordinates are not a point of P-256 */
function deviceKeyOf({ key }: Asked): string {
  const jwk = { kty: 'EC', crv: 'P-256', ...key } as const;
  try {
    keyObject(jwk);
  } catch (error) {
    throw new Problem(
      'invalid-request',
      'The body does not fit at key: x and y are not a public key on P-256.',
      {},
      error,
    );
  }
  return thumbprint(jwk);
}

/** The module that has that device key or once had it, else the one of that hardware ID. */
async function findTwin({ read }: Services, hwid: string, dkt: string): Promise<ModuleRow | undefined> {
  const found = await read
    .selectFrom('modules')
    .selectAll()
    .where((row) => row.or([row('hwid', '=', hwid), row('dkt', '=', dkt)]))
    .execute();
  const other = found.find((module) => module.dkt === dkt) ?? (await formerOwner(read, dkt));
  return other ?? found[0];
}

/** Only what an officer has retired gets another device key, and no key comes back. */
async function startsAnew({ read }: Services, known: ModuleRow, hwid: string, dkt: string): Promise<boolean> {
  if (known.hwid !== hwid || known.dkt === dkt || known.state !== 'retired') return false;
  return (await formerOwner(read, dkt)) === undefined;
}

/** The module that had this device key before it was registered anew. */
function formerOwner(read: Services['read'], dkt: string): Promise<ModuleRow | undefined> {
  return read
    .selectFrom('former_keys')
    .innerJoin('modules', 'modules.hwid', 'former_keys.hwid')
    .selectAll('modules')
    .where('former_keys.dkt', '=', dkt)
    .executeTakeFirst();
}

/** The module keeps the version in force through a reset, and takes only one above it. */
async function nextVersion({ read }: Services, { hwid, pwv }: ModuleRow): Promise<number> {
  const { sent } = await read
    .selectFrom('passwords')
    .where('hwid', '=', hwid)
    .select((row) => row.fn.max('ver').as('sent'))
    .executeTakeFirstOrThrow();
  return Math.max(sent, pwv ?? 0) + 1;
}

async function again(
  services: Services,
  caller: Caller,
  module: ModuleRow,
  { hwid, order }: Asked,
  dkt: string,
): Promise<Registration> {
  if (module.hwid === hwid && module.dkt === dkt) {
    // In a commit, as it is not for a caller who was shut out since they asked.
    const { value: bundle } = await services.commit(caller, async ({ db }) => {
      const standing = module.order === null ? undefined : await standingOf(db, module.order, caller);
      const refused = refuseRepeat(module, order, standing, caller);
      if (refused !== undefined) throw refused;
      return openBundle(services, module);
    });
    return { module, bundle, log: null };
  }
  await services.commit(caller, (tx) =>
    tx.append({ type: 'module.clone-suspected', by: caller.name, hwid, dkt }),
  );
  throw new Problem(
    'module-exists',
    module.hwid === hwid
      ? `Module ${hwid} is registered with another device key: one of the two is a copy. Tell an officer.`
      : `The device key of ${hwid} is that of module ${module.hwid}: one of the two is a copy. Tell an officer.`,
  );
}

async function prepare(
  services: Services,
  caller: Caller,
  asked: Asked,
  dkt: string,
  ver: number,
): Promise<Prepared> {
  const { hwid, order, imei = null, customer = null, model = null } = asked;
  const { password, hash } = makePassword(services.random);
  const jti = newId(services);
  const bundle = await signBundle(services, { hwid, dkt, jti, ver, hash });
  const created = services.clock().toISOString();
  return {
    password: {
      ...{ hwid, ver, hash, created, revealed: null },
      sealed: sealPassword(services, hwid, ver, password),
    },
    module: {
      ...{ hwid, dkt, x: asked.key.x, y: asked.key.y, imei, order, customer, model },
      ...{ state: 'registered', registered: created, registered_by: caller.name, confirmed: null },
      ...{ foreign_token: null, cleared_token: null, granted_seq: 0, pwv: null, pwv_seq: 0 },
      ...{ bundle_jti: jti, bundle_digest: digestOf(bundle) },
      sealed_bundle: services.sealer.seal(Buffer.from(bundle), {
        purpose: 'bundle',
        subject: jti,
        version: 1,
      }),
    },
  };
}

function signBundle(
  { keys }: Services,
  { hwid, dkt, jti, ver, hash }: { hwid: string; dkt: string; jti: string; ver: number; hash: string },
): Promise<string> {
  const [issuer] = keys.issuers;
  if (issuer === undefined) throw new Error('there is no live issuer key');
  const claims = { iss: keys.iss, aud: AUDIENCE, jti, sub: hwid, dkt, pw: { ver, hash } };
  return signMessage(bundleMessage, claims, issuer);
}

function openBundle({ sealer }: Services, { bundle_jti, sealed_bundle }: ModuleRow): string {
  const opened = sealer.open(sealed_bundle, { purpose: 'bundle', subject: bundle_jti, version: 1 });
  return Buffer.from(opened).toString();
}

/** @returns false where the hardware ID or the device key was registered meanwhile */
async function insert(tx: Tx, caller: Caller, { module, password }: Prepared): Promise<boolean> {
  const inserted = await tx.db
    .insertInto('modules')
    .values(module)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (inserted.numInsertedOrUpdatedRows === 0n) return false;
  await takePlace(tx, caller, undefined, module);
  await complete(tx, module, password);
  return true;
}

/**
 * A retired module starts anew with another device key, as after a reset. What the old key had under
 * way ends: its tokens are for another key.
 * @returns false where it was registered anew meanwhile
 */
async function replace(
  tx: Tx,
  caller: Caller,
  { hwid, dkt, x, y }: ModuleRow,
  { module, password }: Prepared,
): Promise<boolean> {
  const retired = await findModule(tx.db, hwid);
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
  await complete(tx, module, password);
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

async function complete(tx: Tx, module: ModuleRow, password: PasswordRow): Promise<void> {
  await tx.db.insertInto('passwords').values(password).execute();
  const { hwid, imei, order, customer, model, dkt, bundle_jti: jti, bundle_digest: dig } = module;
  await tx.append({
    ...{ type: 'module.registered', by: module.registered_by, state: 'registered' },
    ...{ hwid, imei, order, dkt, jti, dig, ver: password.ver },
    ...(customer !== null && { customer }),
    ...(model !== null && { model }),
  });
}
