import type { ControlledTransaction } from 'kysely';
import type { Logger } from 'pino';
import type { NewEvent } from '../../protocol/events.ts';
import type { NoteSigner, NoteVerifier } from '../../protocol/note.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { Batch, type BatchParts, type Outcome } from './batch.ts';
import type { CheckpointCopy } from './copy.ts';
import type { Committed, Log, LogPosition, Tx } from './log.ts';
import { logStatements } from './statements.ts';
import { LogDamaged, type LogIdentity, loadTree, type Tree } from './tree.ts';

export interface CommitterParts {
  readonly store: Store;
  readonly signer: NoteSigner;
  readonly verifiers: readonly NoteVerifier[];
  readonly clock: () => Date;
  readonly copy: CheckpointCopy;
  readonly diagnostics: Logger;
}

/** One caller's function on its way through a transaction. */
interface Job {
  run(tx: Tx): Promise<void>;
  succeed(log: LogPosition | null): void;
  fail(error: unknown): void;
}

/** A transaction that is on disk. */
interface Transacted {
  readonly outcomes: readonly Outcome[];
  readonly tree: Tree;
  readonly events: readonly NewEvent[];
}

/** Turns of the event loop that a transaction waits at most for more to join it. */
const MOST_TURNS = 16;

const UNAVAILABLE =
  'The log cannot be written, so nothing was granted. It goes on by itself once its disk can be written again.';

/**
 * DESIGN section 6, "One way to write". Answers wait until COMMIT has returned, and what arrives
 * meanwhile makes the next transaction: one sync for all of it.
 */
export class Committer implements Log {
  readonly #parts: CommitterParts;
  readonly #identity: LogIdentity;
  readonly #batchParts: BatchParts;
  /** Undefined after a failed transaction: then what is on disk decides. */
  #tree: Tree | undefined;
  readonly #listeners = new Set<(events: readonly NewEvent[]) => void>();
  #pending: Job[] = [];
  #working: Promise<void> | undefined;
  #closing = false;
  #available = true;

  constructor(parts: CommitterParts, tree: Tree) {
    this.#parts = parts;
    this.#identity = { origin: parts.signer.name, verifiers: parts.verifiers };
    const { store, clock } = parts;
    this.#batchParts = { statements: logStatements(store.write), clock, isFault: store.isFault };
    this.#tree = tree;
  }

  get available(): boolean {
    return this.#available;
  }

  commit<T>(fn: (tx: Tx) => Promise<T>): Promise<Committed<T>> {
    if (this.#closing)
      return Promise.reject(new Problem('shutting-down', 'The server is stopping; try again in a moment.'));
    return new Promise((resolve, reject) => {
      let value: T;
      this.#pending.push({
        async run(tx) {
          value = await fn(tx);
        },
        succeed: (log) => resolve({ value, log }),
        fail: reject,
      });
      this.#working ??= this.#work();
    });
  }

  onCommit(listener: (events: readonly NewEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#working;
    await this.#parts.copy.close();
  }

  async #work(): Promise<void> {
    while (this.#pending.length > 0) {
      await this.#gather();
      const jobs = this.#pending;
      this.#pending = [];
      await this.#runAll(jobs);
    }
    this.#working = undefined;
  }

  /**
   * Everything that this turn of the event loop brings goes into one transaction, and while the next ones
   * bring more, that too; meanwhile the answers of the transaction before go out.
   */
  async #gather(): Promise<void> {
    for (let turn = 0, before = 0; turn < MOST_TURNS && this.#pending.length > before; turn += 1) {
      before = this.#pending.length;
      await new Promise(setImmediate);
    }
  }

  /** Never rejects: each job is answered. */
  async #runAll(jobs: readonly Job[]): Promise<void> {
    let done: Transacted;
    try {
      done = await this.#transact(jobs);
    } catch (error) {
      this.#tree = undefined;
      this.#report(error);
      for (const job of jobs) job.fail(new Problem('log-unavailable', UNAVAILABLE, {}, error));
      return;
    }
    const { outcomes, tree, events } = done;
    if (tree !== this.#tree) this.#parts.copy.offer(tree.checkpoint);
    this.#tree = tree;
    this.#report(undefined);
    const { size } = tree.frontier;
    for (const [place, job] of jobs.entries()) {
      const outcome = outcomes[place] ?? { error: new Error('a job has no outcome') };
      if ('error' in outcome) job.fail(outcome.error);
      else job.succeed(outcome.index === null ? null : { index: outcome.index, size });
    }
    if (events.length > 0) this.#tell(events);
  }

  /** @throws whatever made the transaction fail as a whole; then none of it happened */
  async #transact(jobs: readonly Job[]): Promise<Transacted> {
    const transaction = await this.#parts.store.write.startTransaction().execute();
    try {
      const batch = new Batch(transaction, await this.#current(transaction), this.#batchParts);
      const outcomes: Outcome[] = [];
      for (const job of jobs) outcomes.push(await batch.run((tx) => job.run(tx)));
      const tree = await batch.seal(this.#parts.signer);
      await transaction.commit().execute();
      return { outcomes, tree, events: batch.events };
    } catch (error) {
      // SQLite may have rolled back already, and says so by an error that explains nothing.
      await transaction
        .rollback()
        .execute()
        .catch(() => undefined);
      throw error;
    }
  }

  /** The tree to append to: the one in memory while the head is the one that it was left with. */
  async #current(transaction: ControlledTransaction<Database>): Promise<Tree> {
    const { rows } = await transaction.executeQuery(this.#batchParts.statements.head);
    if (this.#tree !== undefined && this.#tree.checkpoint === rows[0]?.checkpoint) return this.#tree;
    const tree = await loadTree(transaction, this.#identity);
    if (tree === undefined) throw new LogDamaged('the log has lost its head');
    return tree;
  }

  #tell(events: readonly NewEvent[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(events);
      } catch (error) {
        this.#parts.diagnostics.error({ err: error }, 'a listener to commits failed');
      }
    }
  }

  #report(error: unknown): void {
    const available = error === undefined;
    if (available !== this.#available) {
      if (available) this.#parts.diagnostics.info('the log can be written again');
      else this.#parts.diagnostics.error({ err: error }, 'the log cannot be written: nothing is granted');
    }
    this.#available = available;
  }
}
