import { closeSync, existsSync, openSync } from 'node:fs';
import { Sqlite } from './driver.ts';

/** Gives a lock back. It must be kept for as long as the lock is wanted. */
export type Release = () => void;

/**
 * Takes the lock that a file of its own stands for: the kernel's, so it ends with the process, however
 * that ends, and the file that stays means nothing. Node has no flock(2), so SQLite takes it.
 * @param file made where there is none, in a directory that is there
 * @returns undefined where somebody else has it
 */
export function takeLock(file: string): Release | undefined {
  // Only where it is missing: closing a file ends every lock that this process has on it (fcntl_locking(2)).
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const lock = new Sqlite(file, { timeout: 0 });
  try {
    // Nothing is ever written: a rollback journal would be a file that a killed process leaves behind.
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (error instanceof Sqlite.SqliteError && error.code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
  return () => lock.close();
}
