import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Release, takeLock } from '../sqlite/lock.ts';
import type { Config } from './config.ts';

/** Another server serves this data directory: a second one would answer from a state that is not its own. */
export class DataDirInUse extends Error {
  override readonly name = 'DataDirInUse';

  constructor(dataDir: string, holder: string) {
    super(
      `${dataDir} is in use: ${holder} serves it. One data directory has one server: ` +
        'stop that one first (systemctl stop latchkey-server), or set another dataDir',
    );
  }
}

/**
 * Makes this process the one that serves the data directory, until it gives that back or ends. The lock
 * alone decides; the file beside it only says who has it. `check`, `doctor`, `init`, `revoke` and
 * `rotate` need no lock.
 * @throws DataDirInUse
 */
export function holdDataDir({ dataDir }: Pick<Config, 'dataDir'>): Release {
  const nameplate = join(dataDir, 'latchkey.pid');
  const release = takeLock(join(dataDir, 'latchkey.lock'));
  if (release === undefined) throw new DataDirInUse(dataDir, holderOf(nameplate));
  writeFileSync(nameplate, `${process.pid} ${hostname()}\n`, { mode: 0o600 });
  return () => {
    rmSync(nameplate, { force: true });
    release();
  };
}

/** Where several containers or machines share the directory, a number alone would name a stranger. */
function holderOf(nameplate: string): string {
  const [, pid, host] = /^([1-9]\d{0,9}) (\S+)\n$/.exec(read(nameplate)) ?? [];
  if (host === hostname() && isAlive(Number(pid))) return `process ${pid}`;
  return host === undefined || host === hostname() ? 'another process' : `process ${pid} on ${host}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A name that a killed server left says nothing about the one that has the lock now. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
