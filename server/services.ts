import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { createDeviceCa } from '../keys/create.ts';
import { KeyFault } from '../keys/fault.ts';
import { loadKeks } from '../keys/kek.ts';
import type { Keys } from '../keys/keys.ts';
import { loadMaterial, loadRoots } from '../keys/load.ts';
import { verifyManifests } from '../keys/manifest.ts';
import { type DeviceCaMaterial, makeKeys } from '../keys/material.ts';
import { keyFiles } from '../keys/places.ts';
import { logOrigin } from '../protocol/checkpoint.ts';
import { keyObject } from '../protocol/jwk.ts';
import type { SignedManifest } from '../protocol/manifests.ts';
import type { KeyManifest } from '../protocol/messages.ts';
import { type NoteSigner, noteVerifier } from '../protocol/note.ts';
import type { Config } from './config.ts';
import type { Services } from './context.ts';
import { authored } from './decisions/author.ts';
import { hashPool } from './hashing/pool.ts';
import { Keyring } from './keyring.ts';
import type { Log } from './log/log.ts';
import { openLog } from './log/open.ts';
import { logReader } from './log/read.ts';
import type { LogIdentity } from './log/tree.ts';
import { RateLimit } from './middleware/rate.ts';
import { loadPolicy } from './policy-file.ts';
import { readManifests } from './store/manifests.ts';
import type { Database } from './store/schema.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';

/** What a program brings with it and no file says. */
export type Ambient = Pick<Services, 'clock' | 'random' | 'diagnostics' | 'version'>;

export interface OpenServices extends Services {
  readonly sealer: Keyring;
  /** Closes the log, which waits for what is pending, then the database. */
  close(): Promise<void>;
}

/** The data directory was never initialized, or not to the end. */
export class NotInitialized extends Error {
  override readonly name = 'NotInitialized';

  constructor({ dataDir }: Config) {
    super(`${dataDir} holds no initialized server: run latchkey-server init`);
  }
}

export function databaseFile({ dataDir }: Pick<Config, 'dataDir'>): string {
  return join(dataDir, 'latchkey.db');
}

/** @throws NotInitialized where there is no database, before anything is made in its place */
export function requireDatabase(config: Config): void {
  if (!existsSync(databaseFile(config))) throw new NotInitialized(config);
}

/**
 * Opens all that the configuration names, checked.
 * @throws NotInitialized, KeyFault, LogDamaged, PolicyError
 */
export async function openServices(config: Config, ambient: Ambient): Promise<OpenServices> {
  requireDatabase(config);
  const policy = loadPolicy(config.policyFile);
  const material = loadMaterial(config, config.iss, ambient.clock());
  const store = await openSqlite(databaseFile(config));
  try {
    const manifests = await readManifests(store.read);
    if (manifests.length === 0) throw new NotInitialized(config);
    const deviceCa = material.deviceCa ?? (await firstDeviceCa(store.read, config, ambient));
    const keys = makeKeys(config.iss, { ...material, deviceCa }, manifests, ambient.random);
    const log = await openConfiguredLog(store, keys, config, ambient);
    const close = async () => {
      await log.close();
      await store.close();
    };
    const { read } = store;
    const crypt = hashPool(availableParallelism());
    const commit = authored(log, ambient.clock);
    const keks = () => loadKeks(config, ambient.random);
    const sealer = await Keyring.open({ ...ambient, read, commit, keks });
    return {
      ...ambient,
      callers: new RateLimit(config.limits.principal, ambient.clock),
      crypt,
      config,
      keys,
      sealer,
      log,
      commit,
      read,
      reader: logReader(read),
      policy,
      close,
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * The device CA of a server that was made before there was one.
 * @throws KeyFault where it has certified modules, so that it was lost
 */
async function firstDeviceCa(
  read: Kysely<Database>,
  { iss, ...places }: Config,
  { clock, random }: Ambient,
): Promise<DeviceCaMaterial> {
  const used = await read.selectFrom('tls_certificates').select('hwid').limit(1).executeTakeFirst();
  if (used === undefined) return createDeviceCa(places, { iss, now: clock(), random });
  const { deviceCa } = keyFiles(places);
  throw new KeyFault('missing', `${deviceCa} is not there: restore it from a backup`);
}

/**
 * The stored manifests under the root public keys: enough to check the log with, and no private key.
 * @throws NotInitialized, KeyFault
 */
export async function storedManifests(
  read: Kysely<Database>,
  config: Config,
): Promise<readonly SignedManifest[]> {
  const stored = await readManifests(read);
  if (stored.length === 0) throw new NotInitialized(config);
  return verifyManifests(stored, loadRoots(config), config.iss);
}

/** Whose log it is; each log key that the newest manifest names may have signed the checkpoint that stands. */
export function logIdentity(iss: string, newest: KeyManifest | undefined): LogIdentity {
  const origin = logOrigin(iss);
  return { origin, verifiers: (newest?.log ?? []).map((jwk) => noteVerifier(origin, keyObject(jwk))) };
}

export function openConfiguredLog(
  store: Store,
  { iss, log, manifests }: Keys,
  { checkpointCopy: copy }: Config,
  { clock, diagnostics }: Ambient,
): Promise<Log> {
  const { origin, verifiers } = logIdentity(iss, manifests.at(-1)?.claims);
  const signer: NoteSigner = {
    ...noteVerifier(origin, keyObject(log.jwk)),
    sign: (bytes) => log.sign(bytes),
  };
  return openLog({ store, signer, verifiers, clock, copy, diagnostics });
}
