import { KeyFault } from '../keys/fault.ts';
import { kekOf } from '../keys/kek.ts';
import type { KeyEncryptingKey, SealedFor, Sealer } from '../keys/keys.ts';
import { makeSealer } from '../keys/seal.ts';
import { SERVER } from '../protocol/events.ts';
import { Problem } from '../protocol/problems.ts';
import type { Services } from './context.ts';
import { Overtaken } from './decisions/swap.ts';
import {
  type DataKeyRow,
  isUnrotated,
  MOST_USES,
  newDataKey,
  readDataKeys,
  reserveUses,
  unwrapAll,
} from './store/data-keys.ts';

export type KeyringParts = Pick<Services, 'read' | 'commit' | 'clock' | 'random'> & {
  /** Reads the KEK's files now: another process may have rotated it since. */
  readonly keks: () => readonly KeyEncryptingKey[];
};

/** Uses are reserved on disk in blocks, as a module does with `seq`; each start loses at most one. */
const BLOCK = 2 ** 16;
/** From so many uses on the next data key is due, long before this one has none left. */
const PLENTY = MOST_USES / 2;
/** Rotations that another process may come between. */
const MOST_ATTEMPTS = 4;

/** The data keys of a running server: seals with the newest, counts its uses, changes to another. */
export class Keyring implements Sealer {
  readonly #parts: KeyringParts;
  #sealer: Sealer;
  #rows: readonly DataKeyRow[];
  #newest: DataKeyRow;
  #since: Date;
  #left = 0;
  #reserving: Promise<void> | undefined;

  private constructor(parts: KeyringParts, rows: readonly DataKeyRow[]) {
    this.#parts = parts;
    this.#rows = rows;
    this.#newest = newestOf(rows);
    this.#since = parts.clock();
    this.#sealer = makeSealer(unwrapAll(rows, parts.keks()), parts.random);
  }

  /** @throws KeyFault where there is no data key, or no KEK that opens them; Problem `log-unavailable` */
  static async open(parts: KeyringParts): Promise<Keyring> {
    const keyring = new Keyring(parts, await readDataKeys(parts.read));
    await keyring.#reserve();
    return keyring;
  }

  get usable(): boolean {
    return this.#left > 0;
  }

  /** Id of the data key that seals, and since when it does in this process. */
  get newest(): { readonly id: string; readonly since: Date } {
    return { id: this.#newest.id, since: this.#since };
  }

  /** Ids of the data keys that seal no more, and still open. */
  get older(): readonly string[] {
    return this.#rows.slice(0, -1).map(({ id }) => id);
  }

  seal(plain: Uint8Array, sealedFor: SealedFor): Uint8Array {
    if (this.#left === 0) {
      throw new Problem(
        'log-unavailable',
        'The uses of the data key cannot be counted, so nothing is sealed.',
      );
    }
    this.#left -= 1;
    // A failure shows where there are none left, and in the log's own state.
    if (this.#left < BLOCK / 2) this.#reserving ??= this.#reserve().catch(() => {});
    return this.#sealer.seal(plain, sealedFor);
  }

  open(sealed: Uint8Array, sealedFor: SealedFor): Uint8Array {
    return this.#sealer.open(sealed, sealedFor);
  }

  /** Takes up what another process has rotated, and makes the next data key where this one's uses run out. */
  async tend(): Promise<void> {
    const rows = await readDataKeys(this.#parts.read);
    const moved = rows.map(({ id }) => id).join() !== this.#rows.map(({ id }) => id).join();
    if (moved) await this.#adopt(rows);
    if (newestOf(rows).uses >= PLENTY) await this.replace();
  }

  /**
   * Makes a new data key, which seals from now on; in other processes once they tend.
   * @returns its id
   * @throws KeyFault, Problem `log-unavailable`
   */
  async replace(): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#replace();
      } catch (error) {
        if (!(error instanceof Overtaken) || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  async #replace(): Promise<string> {
    const { read, commit, keks } = this.#parts;
    const before = await readDataKeys(read);
    const newest = newestOf(before);
    const { kek } = kekOf(keks(), newest);
    const row = newDataKey({ ...this.#parts, kek }, newest.id);
    await commit(SERVER, async ({ db, append }) => {
      // Wrapped by a KEK that has been rotated away meanwhile, it would never open again.
      if (!isUnrotated(before, await readDataKeys(db))) throw new Overtaken();
      await db.insertInto('data_keys').values(row).execute();
      await append({ type: 'data-key.created', by: SERVER, key: row.id });
    });
    await this.#adopt(await readDataKeys(read));
    return row.id;
  }

  /** Ends data keys under which no row is sealed any more. */
  async remove(ids: readonly string[]): Promise<void> {
    const { read, commit } = this.#parts;
    await commit(SERVER, async ({ db, append }) => {
      for (const key of ids) {
        await db.deleteFrom('data_keys').where('id', '=', key).execute();
        await append({ type: 'data-key.removed', by: SERVER, key });
      }
    });
    await this.#adopt(await readDataKeys(read));
  }

  async #adopt(rows: readonly DataKeyRow[]): Promise<void> {
    const { keks, random } = this.#parts;
    const sealer = makeSealer(unwrapAll(rows, keks()), random);
    const newest = newestOf(rows);
    const isNew = newest.id !== this.#newest.id;
    if (isNew && !(await this.#take(newest.id))) return;
    this.#sealer = sealer;
    this.#rows = rows;
    this.#newest = newest;
    if (!isNew) return;
    this.#since = this.#parts.clock();
    this.#left = BLOCK;
  }

  async #reserve(): Promise<void> {
    try {
      const { id } = this.#newest;
      // What was reserved for another data key, taken up meanwhile, is not this one's.
      if ((await this.#take(id)) && id === this.#newest.id) this.#left += BLOCK;
    } finally {
      this.#reserving = undefined;
    }
  }

  async #take(id: string): Promise<boolean> {
    const { value } = await this.#parts.commit(SERVER, ({ db }) => reserveUses(db, id, BLOCK));
    return value;
  }
}

function newestOf(rows: readonly DataKeyRow[]): DataKeyRow {
  const newest = rows.at(-1);
  if (newest === undefined) throw new KeyFault('missing', 'there is no data key');
  return newest;
}
