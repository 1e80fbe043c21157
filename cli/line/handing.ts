import { RegisteredModule } from '../../protocol/api/modules.ts';
import { adviceOn } from '../advice.ts';
import { asFailure, Failure } from '../failure.ts';
import { demandFitBundle, demandFitReceipt } from '../fit.ts';
import type { ModuleClient, ModuleIdentity } from '../port/module.ts';
import { claimsOf, keepReceipts } from '../receipts.ts';
import type { Session } from '../session.ts';
import { askServer, certifyTlsKey } from '../tls-key.ts';
import type { Trusted } from '../trust.ts';
import { deliverEntry, isOfEntry } from './delivery.ts';
import type { Entry } from './journal.ts';
import type { Line } from './line.ts';
import { isOutage } from './outage.ts';
import type { Outcome, Step } from './outcome.ts';

/** One module in its lane. */
export interface Job {
  readonly line: Line;
  readonly module: ModuleClient;
  readonly identity: ModuleIdentity;
  /** Tells where it is. @throws Failure where the run is to end: between two steps is a good place */
  step(step: Step): void;
}

export type Made = Pick<Outcome, 'status' | 'receipt' | 'module'>;

/**
 * register, manifests meanwhile → bundle → receipt → journal → confirm. Without a server the offline bundle takes
 * the place of the module's own, and the receipt stays in the journal.
 */
export async function provisionModule(job: Job): Promise<Made> {
  const made = await make(job);
  if (job.line.plan.tlsKey && made.status === 'confirmed') await certify(job);
  return made;
}

async function make(job: Job): Promise<Made> {
  const held = await heldReceipt(job);
  const kept = held === undefined ? undefined : job.line.bundles.find(claimsOf(held)?.jti ?? '');
  try {
    if (held === undefined || kept === undefined) return await online(job);
    demandFitReceipt(held, job.identity, kept.bundle);
    return await settle(job, held, true);
  } catch (error) {
    if (!isOutage(error)) throw error;
    return offline(job, held);
  }
}

/** The receipt of the bundle that the module holds, where it was provisioned before. */
async function heldReceipt({ line, module }: Job): Promise<string | undefined> {
  // One that never held a manifest was never provisioned, and keeps no receipts.
  if (module.manifest === 0) return undefined;
  const receipts = await module.receipts();
  const isMaking = (jws: string) => claimsOf(jws)?.event === 'provisioned';
  keepReceipts(
    line.cli.home,
    receipts.filter((jws) => !isMaking(jws)),
  );
  return module.found.state === 'unprovisioned' ? undefined : receipts.findLast(isMaking);
}

/** Of what the line carries most is manifests: while the server is asked, those go over that are known here. */
async function online(job: Job): Promise<Made> {
  const { identity } = job;
  job.step('registering');
  const known = await job.line.uplink.kept();
  // Either is waited for, whatever becomes of the other: the port is in use for as long.
  const [registering, handing] = await Promise.allSettled([register(job), known && handKeys(job, known)]);
  if (registering.status === 'rejected') throw registering.reason;
  if (handing.status === 'rejected') throw handing.reason;
  const { bundle, trusted } = registering.value;
  demandFitBundle(bundle, identity, trusted);
  const receipt = await hand(job, bundle, trusted);
  return settle(job, receipt, false);
}

function register({ line, identity }: Job) {
  const { hwid, imei, key } = identity;
  const asked = { hwid, imei, order: line.plan.order, key: { x: key.x, y: key.y } };
  return line.uplink.use(async (session) => {
    const registered = await session.client.post('/v1/modules', RegisteredModule, asked);
    // A repeat took no place.
    if (registered.log !== null) line.bundles.placed(line.plan.order, line.journal);
    return { ...registered, trusted: await trustedFor(session, registered.manifests) };
  });
}

/** Nothing is fetched where the manifests in the answer are those that this home has followed. */
async function trustedFor(session: Session, manifests: readonly string[]): Promise<Trusted> {
  const kept = await session.trusted();
  return kept.newest.jws === manifests.at(-1) ? kept : session.refreshed();
}

async function hand(job: Job, bundle: string, trusted: Trusted): Promise<string> {
  const { module, identity } = job;
  if (module.manifest < trusted.newest.claims.ver) job.step('keys');
  await handKeys(job, trusted);
  job.step('bundle');
  const receipt = await module.provision(bundle);
  demandFitReceipt(receipt, identity, bundle);
  return receipt;
}

async function handKeys({ module }: Job, { chain }: Trusted): Promise<void> {
  for (const { claims, jws } of chain) if (claims.ver > module.manifest) await module.keys(jws);
}

/** @throws Failure `module-inactive` where an officer has taken the module out of use */
async function settle(job: Job, receipt: string, isOffline: boolean): Promise<Made> {
  job.step('confirming');
  const module = await tell(job, entryFor(job, receipt, isOffline));
  if (module === undefined) return { status: 'journaled', receipt, module };
  if (module.state === 'confirmed') return { status: 'confirmed', receipt, module };
  throw new Failure(
    'refused',
    'module-inactive',
    `Module ${module.hwid} is ${module.state}; ask an officer.`,
    {
      next: adviceOn('module-inactive', undefined),
    },
  );
}

/**
 * The server is told; where it cannot be, the journal, on disk before the module is called done.
 * @returns the module as the server has it; undefined where the entry waits
 */
async function tell({ line }: Job, entry: Entry): Promise<Made['module']> {
  const { journal, uplink, cli } = line;
  try {
    const module = await uplink.use(({ client }) => deliverEntry(client, entry));
    journal.remove(entry);
    return module;
  } catch (error) {
    if (isOfEntry(error)) journal.refuse(entry, asFailure(error), cli.clock());
    else journal.add(entry);
    if (isOutage(error)) return undefined;
    throw error;
  }
}

/** The module is confirmed by now, and stays so whatever comes of this: run again, it goes on here. */
async function certify({ line, module, identity, step }: Job): Promise<void> {
  step('tlsKey');
  await certifyTlsKey(module, identity, (csr) =>
    line.uplink.use((session) => askServer(session, identity.hwid, csr)),
  );
}

async function offline(job: Job, held: string | undefined): Promise<Made> {
  const { line, identity } = job;
  if (held !== undefined) {
    demandFitReceipt(held, identity, undefined);
    return settle(job, held, false);
  }
  if (job.module.found.state !== 'unprovisioned') throw unproved(identity);
  const { bundle } = line.bundles.take(line.plan.order, line.cli.clock(), line.journal);
  const trusted = await line.uplink.kept();
  if (trusted === undefined) throw unproved(identity);
  demandFitBundle(bundle, identity, trusted);
  return settle(job, await hand(job, bundle, trusted), true);
}

function entryFor({ line, identity }: Job, receipt: string, isOffline: boolean): Entry {
  const { hwid, imei, key } = identity;
  const { x, y } = key;
  // A module that comes back keeps the order that it was made for.
  const order = line.bundles.find(claimsOf(receipt)?.jti ?? '')?.order ?? line.plan.order;
  const at = line.cli.clock().toISOString();
  return { version: 1, at, hwid, imei, order, key: { x, y }, receipt, offline: isOffline };
}

function unproved({ hwid }: ModuleIdentity): Failure {
  return new Failure(
    'network',
    'receipt-missing',
    `The server cannot be reached, and module ${hwid} is provisioned but keeps no receipt of it.`,
    { next: 'Provision it again while the server answers; it says then whose the module is.' },
  );
}
