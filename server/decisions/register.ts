import type { z } from 'zod';
import type { NewModule } from '../../protocol/api/modules.ts';
import { isPoint, thumbprint } from '../../protocol/jwk.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition } from '../log/log.ts';
import { charge } from '../middleware/limit.ts';
import { prepared as compiled } from '../store/prepared.ts';
import type { ModuleRow } from '../store/schema.ts';
import { bundleOf } from './bundling.ts';
import { findMade, type MadeReceipt, readReceipt, unknownReceipt } from './made.ts';
import { findModule, type ModuleOutcome, obstacle, suspectClone } from './module.ts';
import { refusePlace, refuseRepeat, type Standing, standingOf } from './place.ts';
import {
  adopt,
  type Bundling,
  insert,
  type Prepared,
  prepare,
  prepareMade,
  replace,
} from './registration.ts';

export type Asked = z.output<typeof NewModule>;

/** A registered module and the bundle that provisions it; `log` is null where it was registered before. */
export interface Registration {
  readonly module: ModuleRow;
  readonly bundle: string;
  readonly log: LogPosition | null;
}

/**
 * Registers a module for an order, or finds it registered: hardware ID and device key together are the
 * key, so a station that repeats itself gets the same bytes. With the receipt of a module that was made
 * during an outage it is confirmed at once.
 * @throws Problem
 */
export async function registerModule(
  services: Services,
  caller: Caller,
  asked: Asked,
): Promise<Registration> {
  const { module, log } = await enlistModule(services, caller, asked, 'now');
  const { bundle, log: made } = await bundleOf(services, caller, module);
  return { module, bundle, log: log ?? made };
}

/**
 * Registers a module and hands out no bundle.
 * @throws Problem
 */
export async function enlistModule(
  services: Services,
  caller: Caller,
  asked: Asked,
  bundling: Bundling,
): Promise<ModuleOutcome> {
  const dkt = deviceKeyOf(asked);
  const receipt = asked.receipt === undefined ? undefined : readReceipt(asked, dkt, asked.receipt);
  // Before the module is looked for: where a request of its own takes the last place meanwhile, it is found.
  const standing = await standingOf(services.read, asked.order, caller);
  const known = await findTwin(services, asked.hwid, dkt);
  if (known !== undefined && !(await startsAnew(services, known, asked.hwid, dkt)))
    return receipt !== undefined && isItself(known, asked, dkt) && known.bundle_jti !== receipt.claims.jti
      ? adoptMade(services, caller, known, asked, receipt, bundling)
      : again(services, caller, known, asked, dkt, bundling);
  // Only to spare the work: what counts is asked in the transaction.
  const refused = refusePlace(asked.order, standing, caller);
  if (refused !== undefined) throw refused;
  const prepared =
    receipt === undefined
      ? await prepare(services, caller, asked, {
          ...{ dkt, bundling },
          ver: known === undefined ? 1 : await nextVersion(services, known),
        })
      : prepareMade(services, caller, asked, dkt, await findMade(services, caller, asked, receipt));
  const { value: inserted, log } = await services.commit(caller, (tx) =>
    known === undefined ? insert(tx, caller, prepared) : replace(tx, caller, known, prepared),
  );
  if (inserted) return registered(services, prepared, log);
  const faster = await findTwin(services, asked.hwid, dkt);
  if (faster === undefined) throw new Error(`module ${asked.hwid} was neither made nor found`);
  // With a receipt, what was registered meanwhile may hold another bundle.
  return receipt === undefined
    ? again(services, caller, faster, asked, dkt, bundling)
    : enlistModule(services, caller, asked, bundling);
}

/** As the row is now: where the module was made during an outage, its receipt has moved it. */
async function registered(
  services: Services,
  { module, made }: Prepared,
  log: LogPosition | null,
): Promise<ModuleOutcome> {
  return { module: made === undefined ? module : await findModule(services.read, module.hwid), log };
}

/** Registered with a bundle of its own, which it never got: see adopt(). */
async function adoptMade(
  services: Services,
  caller: Caller,
  known: ModuleRow,
  asked: Asked,
  receipt: MadeReceipt,
  bundling: Bundling,
): Promise<ModuleOutcome> {
  const made = await findMade(services, caller, asked, receipt);
  if (known.state !== 'registered') throw unknownReceipt(asked.hwid);
  const prepared = prepareMade(services, caller, asked, known.dkt, made);
  const { value: adopted, log } = await services.commit(caller, async (tx) => {
    const standing = await standingOf(tx.db, known.order ?? '', caller);
    const refused = refuseRepeat(known, asked.order, standing, caller);
    if (refused !== undefined) throw refused;
    return adopt(tx, caller, known, prepared);
  });
  return adopted ? registered(services, prepared, log) : enlistModule(services, caller, asked, bundling);
}

function isItself(known: ModuleRow, { hwid }: Asked, dkt: string): boolean {
  return known.hwid === hwid && known.dkt === dkt;
}

/** @throws Problem `invalid-request` where the coordinates are not a point of P-256 */
function deviceKeyOf({ key }: Asked): string {
  if (!isPoint(key.x, key.y)) {
    throw new Problem(
      'invalid-request',
      'The body does not fit at key: x and y are not a public key on P-256.',
    );
  }
  return thumbprint({ kty: 'EC', crv: 'P-256', ...key });
}

/** The module that has that device key or once had it, else the one of that hardware ID. */
async function findTwin({ read }: Services, hwid: string, dkt: string): Promise<ModuleRow | undefined> {
  const { rows: found } = await twins(read, { hwid, dkt });
  return (
    found.find((module) => module.dkt === dkt) ?? found.find((module) => module.hwid !== hwid) ?? found[0]
  );
}

const twins = compiled((db, { hwid, dkt }: Pick<ModuleRow, 'hwid' | 'dkt'>) =>
  db
    .selectFrom('modules')
    .selectAll()
    .where((row) => {
      const formerly = row.selectFrom('former_keys').select('hwid').where('former_keys.dkt', '=', dkt);
      return row.or([row('hwid', '=', hwid), row('dkt', '=', dkt), row('hwid', 'in', formerly)]);
    }),
);

/** Only what an officer has retired gets another device key, and no key comes back. */
async function startsAnew({ read }: Services, known: ModuleRow, hwid: string, dkt: string): Promise<boolean> {
  if (known.hwid !== hwid || known.dkt === dkt || known.state !== 'retired') return false;
  return (await formerOwner(read, dkt)) === undefined;
}

/** The module that had this device key before it was registered anew. */
async function formerOwner(read: Services['read'], dkt: string): Promise<ModuleRow | undefined> {
  return (await former(read, { dkt })).rows[0];
}

const former = compiled((db, { dkt }: Pick<ModuleRow, 'dkt'>) =>
  db
    .selectFrom('former_keys')
    .innerJoin('modules', 'modules.hwid', 'former_keys.hwid')
    .selectAll('modules')
    .where('former_keys.dkt', '=', dkt),
);

/** The module keeps the version in force through a reset, and takes only one above it. */
async function nextVersion({ read }: Services, { hwid, pwv }: ModuleRow): Promise<number> {
  const { sent } = await read
    .selectFrom('passwords')
    .where('hwid', '=', hwid)
    .select((row) => row.fn.max('ver').as('sent'))
    .executeTakeFirstOrThrow();
  return Math.max(sent, pwv ?? 0) + 1;
}

/** What is suspended or retired is handed no bundle; that its receipt has come, it may be told. Pure. */
function refuseAgain(
  module: ModuleRow,
  { hwid, order, receipt }: Asked,
  standing: Standing | undefined,
  caller: Caller,
): Problem | undefined {
  const refused = refuseRepeat(module, order, standing, caller);
  const isOut = module.state === 'suspended' || module.state === 'retired';
  return refused ?? (isOut && receipt === undefined ? obstacle(hwid, module) : undefined);
}

async function again(
  services: Services,
  caller: Caller,
  module: ModuleRow,
  asked: Asked,
  dkt: string,
  bundling: Bundling,
): Promise<ModuleOutcome> {
  const { hwid } = asked;
  if (isItself(module, asked, dkt)) {
    // In a commit, as it is not for a caller, or of a module, that was shut out since.
    const { value: current } = await services.commit(caller, async ({ db }) => {
      const now = await findModule(db, hwid);
      if (now.dkt !== dkt) return undefined;
      const standing = now.order === null ? undefined : await standingOf(db, now.order, caller);
      const refused = refuseAgain(now, asked, standing, caller);
      if (refused !== undefined) throw refused;
      return now;
    });
    if (current === undefined) return enlistModule(services, caller, asked, bundling);
    return { module: current, log: null };
  }
  // An import may bring any number of them, and each is an event for good.
  charge(services, caller);
  const now = services.clock().toISOString();
  await services.commit(caller, (tx) =>
    suspectClone(tx, { by: caller.name, hwid, dkt, of: module.hwid, now }),
  );
  throw new Problem(
    'module-exists',
    module.hwid === hwid
      ? `Module ${hwid} is registered with another device key: one of the two is a copy. Tell an officer.`
      : `The device key of ${hwid} is that of module ${module.hwid}: one of the two is a copy. Tell an officer.`,
  );
}
