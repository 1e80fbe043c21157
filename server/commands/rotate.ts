import { join } from 'node:path';
import { KeyFault } from '../../keys/fault.ts';
import { beginNextKek, kekOf, loadKeks, loadNextKek, promoteNextKek } from '../../keys/kek.ts';
import { SERVER } from '../../protocol/events.ts';
import { takeLock } from '../../sqlite/lock.ts';
import type { Config } from '../config.ts';
import { Overtaken } from '../decisions/swap.ts';
import { type Ambient, databaseFile, type OpenServices, openServices, requireDatabase } from '../services.ts';
import { isUnrotated, readDataKeys } from '../store/data-keys.ts';
import { foldLog } from '../store/sqlite.ts';

/**
 * Makes a new data key. A server that runs takes it up within seconds; what older ones sealed is sealed
 * anew by the server, in the background.
 * @returns the new data key's id
 * @throws NotInitialized, KeyFault, LogDamaged, Problem `log-unavailable`
 */
export async function rotateDataKey(config: Config, ambient: Ambient): Promise<string> {
  return rotating(config, async () => {
    const services = await openServices(config, ambient);
    try {
      return await services.sealer.replace();
    } finally {
      await services.close();
    }
  });
}

export interface RotatedKek {
  /** Ids of the data keys that it wrapped: none where a run that was cut off had done so. */
  readonly keys: readonly string[];
  /** False where this process may not put the new KEK in the old one's place. */
  readonly inPlace: boolean;
}

/**
 * Makes a new KEK beside the old one, wraps all data keys by it in one transaction, then puts it in the old
 * one's place. Cut off anywhere, the server works with what is there, and the next run ends it. A server
 * that runs needs neither KEK before it makes a data key, and reads the files then.
 * @throws as rotateDataKey
 */
export async function rotateKek(config: Config, ambient: Ambient): Promise<RotatedKek> {
  return rotating(config, async () => {
    requireDatabase(config);
    beginNextKek(config, ambient.random);
    const services = await openServices(config, ambient);
    try {
      const keys = await wrapAnew(services, config, ambient);
      forgetOldWraps(config);
      return { keys, inPlace: promoteNextKek(config) };
    } finally {
      await services.close();
    }
  });
}

const MOST_ATTEMPTS = 4;

async function wrapAnew(services: OpenServices, config: Config, ambient: Ambient): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await wrapOnce(services, config, ambient);
    } catch (error) {
      if (!(error instanceof Overtaken) || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

async function wrapOnce(
  { read, commit }: OpenServices,
  config: Config,
  { random }: Ambient,
): Promise<string[]> {
  const keks = loadKeks(config, random);
  const next = loadNextKek(config, random);
  if (next === undefined) throw new Error('the KEK that was to follow is gone');
  const before = await readDataKeys(read);
  if (before.every((row) => kekOf(keks, row).kek !== keks[0])) return [];
  const rows = before.map((row) => ({ id: row.id, wrapped: next.wrap(kekOf(keks, row).key, row.id) }));
  const keys = rows.map(({ id }) => id);
  await commit(SERVER, async ({ db, append }) => {
    // A data key that the server made meanwhile has to come along.
    if (!isUnrotated(before, await readDataKeys(db))) throw new Overtaken();
    for (const { id, wrapped } of rows) {
      await db.updateTable('data_keys').set({ wrapped }).where('id', '=', id).execute();
    }
    await append({ type: 'kek.rotated', by: SERVER, keys });
  });
  return keys;
}

/** Else who has the old KEK finds the data keys as it wrapped them, in what the write-ahead log keeps of before. */
function forgetOldWraps(config: Config): void {
  if (foldLog(databaseFile(config))) return;
  throw new KeyFault(
    'exists',
    'the database is in too much use to empty its write-ahead log: run this again',
  );
}

/** One rotation at a time; the server may run. */
async function rotating<T>(config: Config, rotate: () => Promise<T>): Promise<T> {
  requireDatabase(config);
  const release = takeLock(join(config.dataDir, 'latchkey.rotation'));
  if (release === undefined) {
    throw new KeyFault('exists', 'another rotation is under way: run this again once it has ended');
  }
  try {
    return await rotate();
  } finally {
    release();
  }
}
