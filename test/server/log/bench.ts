import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { logOrigin } from '../../../protocol/checkpoint.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { type NoteSigner, noteVerifier } from '../../../protocol/note.ts';
import type { Log } from '../../../server/log/log.ts';
import { openLog } from '../../../server/log/open.ts';
import { type LogReader, logReader } from '../../../server/log/read.ts';
import { openSqlite } from '../../../server/store/sqlite.ts';
import type { Store } from '../../../server/store/store.ts';
import { copyTree } from '../../fixture/copy.ts';

export const ORIGIN = logOrigin('latchkey.example');
export const START = Date.UTC(2026, 10, 1);

export function noteSigner(key: KeyObject = generateKeyPairSync('ed25519').privateKey): NoteSigner {
  return { ...noteVerifier(ORIGIN, key), sign: (bytes) => sign(null, bytes, key) };
}

/** A log under test, on a real database file in a directory of its own. */
export interface Opened {
  readonly log: Log;
  readonly store: Store;
  readonly reader: LogReader;
  close(): Promise<void>;
}

/** A directory with a log that can be opened, closed, tampered with and opened again. */
export class LogBench {
  readonly dir = mkdtempSync(join(tmpdir(), 'latchkey-log-'));
  readonly signer = noteSigner();
  /** Milliseconds since 1970; each event is a second after the one before. */
  now = START;

  constructor(test: TestContext) {
    test.after(() => rmSync(this.dir, { recursive: true }));
  }

  get file(): string {
    return join(this.dir, 'data', 'latchkey.db');
  }

  get copy(): string {
    return join(this.dir, 'data', 'checkpoint');
  }

  async open(signer = this.signer): Promise<Opened> {
    const store = await openSqlite(this.file);
    const clock = () => {
      this.now += 1000;
      return new Date(this.now);
    };
    try {
      const diagnostics = pino({ level: 'silent' });
      const log = await openLog({ store, signer, verifiers: [signer], clock, copy: this.copy, diagnostics });
      const close = async () => {
        await log.close();
        await store.close();
      };
      return { log, store, reader: logReader(store.read), close };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Opens, appends and closes. */
  async grow(count: number): Promise<void> {
    const { log, close } = await this.open();
    await append(log, count);
    await close();
  }

  /** Runs statements on the closed database, as one would who has the file and no key. */
  async meddle(change: (store: Store) => Promise<unknown>): Promise<void> {
    const store = await openSqlite(this.file);
    await change(store);
    await store.close();
  }

  save(name: string): void {
    copyTree(join(this.dir, 'data'), join(this.dir, name));
  }

  restore(name: string, file: string): void {
    cpSync(join(this.dir, name, file), join(this.dir, 'data', file));
  }
}

/** Appends `count` events, one after the other in one transaction. */
export async function append(log: Log, count: number): Promise<void> {
  await log.commit(async (tx) => {
    for (let place = 0; place < count; place += 1) await tx.append(revealed(place));
  });
}

export function revealed(ver: number, by = 'alice'): NewEvent {
  return { type: 'password.revealed', by, unlock: UNLOCK, hwid: 'MODULE-0001', ver };
}

export const UNLOCK = '01931d2a-0000-7000-8000-000000000001';
