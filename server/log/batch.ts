import type { Kysely } from 'kysely';
import { signCheckpoint } from '../../protocol/checkpoint.ts';
import { encodeEvent, type LogEvent, type NewEvent } from '../../protocol/events.ts';
import { leafHash } from '../../protocol/merkle.ts';
import type { NoteSigner } from '../../protocol/note.ts';
import { TILE_HEIGHT } from '../../protocol/tiles.ts';
import type { Database } from '../store/schema.ts';
import type { Tx } from './log.ts';
import { type LogStatements, RELEASE, ROLLBACK, SAVEPOINT } from './statements.ts';
import type { Tree } from './tree.ts';

/** What became of one function: the index of its last event (null for none), or what it threw. */
export type Outcome = { readonly index: number | null } | { readonly error: unknown };

export interface BatchParts {
  readonly statements: LogStatements;
  readonly clock: () => Date;
  readonly isFault: (error: unknown) => boolean;
}

/** What one transaction adds to the tree. */
export class Batch {
  readonly #db: Kysely<Database>;
  readonly #tree: Tree;
  readonly #parts: BatchParts;
  readonly #staged: { readonly event: NewEvent; readonly hash: Uint8Array }[] = [];

  constructor(db: Kysely<Database>, tree: Tree, parts: BatchParts) {
    this.#db = db;
    this.#tree = tree;
    this.#parts = parts;
  }

  /**
   * Runs one function inside a savepoint; where it throws, what it wrote and appended never happened.
   * @throws only what leaves the whole transaction in doubt
   */
  async run(fn: (tx: Tx) => Promise<void>): Promise<Outcome> {
    const before = this.#staged.length;
    let ended = false;
    const append = async (event: NewEvent): Promise<number> => {
      if (ended) throw new Error(`${event.type} was appended outside its transaction`);
      return await this.#append(event);
    };
    await this.#db.executeQuery(SAVEPOINT);
    try {
      await fn({ db: this.#db, append });
    } catch (error) {
      if (this.#parts.isFault(error)) throw error;
      this.#staged.length = before;
      await this.#db.executeQuery(ROLLBACK);
      await this.#db.executeQuery(RELEASE);
      return { error };
    } finally {
      ended = true;
    }
    await this.#db.executeQuery(RELEASE);
    return { index: this.#staged.length === before ? null : this.#size - 1 };
  }

  /**
   * Writes nodes and the signed checkpoint over what was appended. The signature can only be made
   * now, inside the transaction; Ed25519 takes about as long as one statement.
   * @returns the tree to keep once the transaction is committed
   */
  async seal(signer: NoteSigner): Promise<Tree> {
    if (this.#staged.length === 0) return this.#tree;
    const frontier = this.#tree.frontier.copy();
    for (const { hash } of this.#staged) {
      const index = frontier.size;
      const completed = frontier.append(hash);
      for (let level = TILE_HEIGHT; level < completed.length; level += TILE_HEIGHT) {
        const node = completed[level];
        if (node !== undefined) await this.#addNode(level, Math.floor(index / 2 ** level), node);
      }
    }
    const { size } = frontier;
    const checkpoint = await signCheckpoint(size, frontier.root(), signer);
    await this.#db.executeQuery(this.#parts.statements.moveHead(size, checkpoint));
    return { frontier, checkpoint };
  }

  /** What was appended and not undone. */
  get events(): readonly NewEvent[] {
    return this.#staged.map(({ event }) => event);
  }

  get #size(): number {
    return this.#tree.frontier.size + this.#staged.length;
  }

  async #append(event: NewEvent): Promise<number> {
    const { clock, statements } = this.#parts;
    const dated = { ...event, at: clock().toISOString() } as LogEvent;
    const leaf = encodeEvent(dated);
    const hash = leafHash(leaf);
    const idx = this.#size;
    await this.#db.executeQuery(statements.addLeaf({ idx, hash, leaf, ...leafColumns(dated) }));
    this.#staged.push({ event, hash });
    return idx;
  }

  async #addNode(level: number, idx: number, hash: Uint8Array): Promise<void> {
    await this.#db.insertInto('log_nodes').values({ level, idx, hash }).execute();
  }
}

/** What events are searched by, beside their leaf. A receipt is about the unlock that its `jti` names. */
export function leafColumns(event: LogEvent) {
  const { type, at, by } = event;
  const hwid = 'hwid' in event ? event.hwid : null;
  const receiptOf = type === 'receipt.accepted' && event.event !== 'provisioned' ? event.jti : null;
  return { type, at, by, hwid, unlock: 'unlock' in event ? event.unlock : receiptOf };
}
