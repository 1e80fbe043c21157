import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { type Release, takeLock } from '../sqlite/lock.ts';
import { Failure } from './failure.ts';
import { codeOf } from './system-error.ts';
import { clearDrafts, DRAFT, replaceFile } from './whole-file.ts';

const LOCK_RETRY = 50;
const LOCK_PATIENCE = 30_000;

/** The directory that a user's profile lives in: 0700, its files 0600, each replaced as a whole. */
export class Home {
  readonly dir: string;
  #swept = false;

  constructor(dir: string) {
    this.dir = dir;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** @returns undefined where there is no such file. @throws Failure where others can read it */
  read(name: string): string | undefined {
    try {
      this.#demandPrivate(name);
      return readFileSync(this.path(name), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw this.#fault(error, name);
    }
  }

  /** The file's JSON, in the shape that wrote it. @throws Failure where it is damaged */
  readJson<T extends z.ZodType>(name: string, schema: T): z.output<T> | undefined {
    const text = this.read(name);
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new Failure('failure', 'home-damaged', `${this.path(name)} is damaged, or of another version.`, {
      next: 'Restore it, or choose another --home and enrol again with a new code.',
      cause: parsed.error,
    });
  }

  /** Durable once it returns; a crash leaves the old file or the new one. */
  write(name: string, text: string): void {
    const path = this.path(name);
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      replaceFile(path, text);
    } catch (error) {
      throw this.#fault(error, name);
    }
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  remove(name: string): void {
    rmSync(this.path(name), { force: true });
  }

  /** Out of the way: nothing of it is changed. Another process may have moved it meanwhile. */
  move(name: string, to: string): void {
    try {
      mkdirSync(dirname(this.path(to)), { recursive: true, mode: 0o700 });
      renameSync(this.path(name), this.path(to));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw this.#fault(error, name);
    }
  }

  /** Names of the files in a sub-directory, sorted; none where there is no such directory. */
  list(directory: string): string[] {
    try {
      return readdirSync(this.path(directory))
        .filter((name) => !name.endsWith(DRAFT))
        .sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw this.#fault(error, directory);
    }
  }

  /** Runs `work` while no other process does. */
  async exclusively<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const release = await this.#lock(signal);
    try {
      this.#sweep();
      return await work();
    } finally {
      release();
    }
  }

  /** Once a command is enough. */
  #sweep(): void {
    if (this.#swept) return;
    try {
      clearDrafts(this.dir);
      this.#swept = true;
    } catch (error) {
      throw this.#fault(error, '.');
    }
  }

  async #lock(signal: AbortSignal): Promise<Release> {
    for (let waited = 0; waited <= LOCK_PATIENCE; waited += LOCK_RETRY) {
      const release = this.#tryLock();
      if (release !== undefined) return release;
      await sleep(LOCK_RETRY, undefined, { signal });
    }
    throw new Failure('failure', 'home-busy', `Another latchkey has been using ${this.dir} for 30 seconds.`, {
      next: 'Wait until it is done, or end it.',
    });
  }

  #tryLock(): Release | undefined {
    try {
      mkdirSync(this.dir, { recursive: true, mode: 0o700 });
      this.#demandPrivate('.');
      return takeLock(this.path('lock'));
    } catch (error) {
      throw this.#fault(error, 'lock');
    }
  }

  #demandPrivate(name: string): void {
    if (process.platform === 'win32') return;
    const found = [this.dir, this.path(name)].find((path) => (statSync(path).mode & 0o077) !== 0);
    if (found === undefined) return;
    throw new Failure('failure', 'home-exposed', `Other users of this computer can get at ${found}.`, {
      next: `Run: chmod go= '${found}'. If they may have read the key, ask an officer to revoke it and enrol again.`,
    });
  }

  #fault(error: unknown, name: string): Failure {
    if (error instanceof Failure) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return new Failure('failure', 'home-unusable', `Cannot use ${this.path(name)}: ${reason}.`, {
      next: 'Check that the directory is yours and the disk has room, or choose another with --home.',
      cause: error,
    });
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
