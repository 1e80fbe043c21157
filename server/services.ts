import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogKey } from '../keys/keys.ts';
import { loadMaterial } from '../keys/load.ts';
import { makeKeys } from '../keys/material.ts';
import { logOrigin } from '../protocol/checkpoint.ts';
import { keyObject, type OkpJwk } from '../protocol/jwk.ts';
import { type NoteSigner, type NoteVerifier, noteVerifier } from '../protocol/note.ts';
import type { Config } from './config.ts';
import type { Services } from './context.ts';
import type { Log } from './log/log.ts';
import { openLog } from './log/open.ts';
import { logReader } from './log/read.ts';
import { loadPolicy } from './policy-file.ts';
import { loadSealer } from './store/data-keys.ts';
import { readManifests } from './store/manifests.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';

/** What a program brings with it and no file says. */
export type Ambient = Pick<Services, 'clock' | 'random' | 'diagnostics' | 'version'>;

export interface OpenServices extends Services {
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

export function databaseFile({ dataDir }: Config): string {
  return join(dataDir, 'latchkey.db');
}

/**
 * Opens all that the configuration names, checked.
 * @throws NotInitialized, KeyFault, LogDamaged, PolicyError
 */
export async function openServices(config: Config, ambient: Ambient): Promise<OpenServices> {
  if (!existsSync(databaseFile(config))) throw new NotInitialized(config);
  const policy = loadPolicy(config.policyFile);
  const material = loadMaterial(config, config.iss, ambient.clock());
  const store = await openSqlite(databaseFile(config));
  try {
    const manifests = await readManifests(store.read);
    if (manifests.length === 0) throw new NotInitialized(config);
    const keys = makeKeys(config.iss, material, manifests, ambient.random);
    const sealer = await loadSealer(store.read, { kek: keys.kek, random: ambient.random });
    const named = keys.manifests.at(-1)?.claims.log ?? [];
    const log = await openConfiguredLog(store, keys.log, named, config, ambient);
    const close = async () => {
      await log.close();
      await store.close();
    };
    const { read } = store;
    return { ...ambient, config, keys, sealer, log, read, reader: logReader(read), policy, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** @param named the log keys that the newest manifest names: each may have signed the checkpoint that stands */
export function openConfiguredLog(
  store: Store,
  key: LogKey,
  named: readonly OkpJwk[],
  { iss, checkpointCopy }: Config,
  { clock, diagnostics }: Ambient,
): Promise<Log> {
  const verifier = (jwk: OkpJwk): NoteVerifier => noteVerifier(logOrigin(iss), keyObject(jwk));
  const signer: NoteSigner = { ...verifier(key.jwk), sign: (bytes) => key.sign(bytes) };
  const verifiers = named.map(verifier);
  return openLog({ store, signer, verifiers, clock, copy: checkpointCopy, diagnostics });
}
