import { readFileSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';

/** Least time between two copies, in milliseconds: each costs a sync of its own beside the database's. */
const REST = 200;

/** Between the copy's name and a writer's process id: what is not whole yet. */
const ASIDE = '.new-';

/** The copy as it stands, or undefined where there is none. */
export function readCopy(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The copy of the newest checkpoint outside the database, by which start tells an older database from
 * the one it left. It may lag: only one write is under way, and only the newest checkpoint waits.
 */
export class CheckpointCopy {
  readonly #file: string;
  readonly #diagnostics: Logger;
  #next: string | undefined;
  #writing: Promise<void> | undefined;
  #rested: (() => void) | undefined;
  #closing = false;
  #swept = false;

  constructor(file: string, diagnostics: Logger) {
    this.#file = file;
    this.#diagnostics = diagnostics;
  }

  /** Takes note of a committed checkpoint and returns at once. */
  offer(checkpoint: string): void {
    this.#next = checkpoint;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once the newest checkpoint that was offered is written, or could not be. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#rested?.();
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const checkpoint = this.#next;
      this.#next = undefined;
      try {
        await this.#write(checkpoint);
      } catch (error) {
        // The log itself is safe; the copy is renewed with the next checkpoint.
        this.#diagnostics.error({ err: error, file: this.#file }, 'the checkpoint could not be copied');
      }
      if (!this.#closing) await this.#rest();
    }
    this.#writing = undefined;
  }

  /** Written aside, synced and renamed, so that at every moment one whole copy stands there. */
  async #write(checkpoint: string): Promise<void> {
    if (!this.#swept) await this.#sweep();
    // `latchkey-server init` beside a running server writes one too; neither may rename the other's half.
    const aside = `${this.#file}${ASIDE}${process.pid}`;
    const file = await open(aside, 'w', 0o600);
    try {
      await file.writeFile(checkpoint);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, this.#file);
  }

  /** Removes what writers that were killed left half written. */
  async #sweep(): Promise<void> {
    this.#swept = true;
    const directory = dirname(this.#file);
    const left = (await readdir(directory)).filter((name) => name.startsWith(basename(this.#file) + ASIDE));
    for (const name of left) await rm(join(directory, name), { force: true });
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, REST).unref();
      this.#rested = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
