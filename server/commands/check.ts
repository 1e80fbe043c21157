import type { Config } from '../config.ts';
import { type Checked, checkLog } from '../log/check.ts';
import { readCopy } from '../log/copy.ts';
import { databaseFile, logIdentity, requireDatabase, storedManifests } from '../services.ts';
import { openReader } from '../store/sqlite.ts';

/**
 * Proves the whole log from its leaves and compares the state tables with what its events say. Needs no
 * private key and writes nothing: the server may run, or this may be a backup.
 * @param report is told each difference, in words
 * @throws NotInitialized, KeyFault
 */
export async function check(config: Config, report: (difference: string) => void): Promise<Checked> {
  requireDatabase(config);
  const { read, close } = openReader(databaseFile(config));
  try {
    const manifests = await storedManifests(read, config);
    const identity = logIdentity(config.iss, manifests.at(-1)?.claims);
    return await checkLog({ read, identity, copy: readCopy(config.checkpointCopy) }, report);
  } finally {
    close();
  }
}
