import type { Kysely } from 'kysely';
import type { NewEvent } from '../../protocol/events.ts';
import type { Database } from '../store/schema.ts';

/** Where an event stands, and the size of the tree under the checkpoint that covers it. */
export interface LogPosition {
  readonly index: number;
  readonly size: number;
}

/** The one way to write. Valid only inside the function that it is handed to. */
export interface Tx {
  readonly db: Kysely<Database>;
  /** Adds an event as the next leaf. @returns its index */
  append(event: NewEvent): Promise<number>;
}

/** What a commit gave back, and where its last event stands: null where it appended none. */
export interface Committed<T> {
  readonly value: T;
  readonly log: LogPosition | null;
}

export interface Log {
  /** False from a transaction that disk or database failed until one that succeeds (order rule 3). */
  readonly available: boolean;
  /**
   * Runs `fn` in the next transaction, inside a savepoint of its own; resolves once state, events
   * and a signed checkpoint over them are on disk (order rules 1 and 4). Whatever takes time, and
   * every signature of an issuer or CA, is made before: nothing but statements belongs in `fn`.
   * A throw undoes this savepoint only, and is the caller's to see.
   * @throws Problem `log-unavailable` where the log cannot be written (order rule 3)
   */
  commit<T>(fn: (tx: Tx) => Promise<T>): Promise<Committed<T>>;
  /**
   * Calls `listener` after every COMMIT with the events that it added: long polls look again then.
   * @returns what takes the listener off
   */
  onCommit(listener: (events: readonly NewEvent[]) => void): () => void;
  /** Waits for what is pending and for the checkpoint's copy, refuses the rest. The store stays open. */
  close(): Promise<void>;
}
