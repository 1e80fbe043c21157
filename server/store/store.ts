import type { Kysely } from 'kysely';
import type { Database } from './schema.ts';

/** An open database. What differs between SQLite and PostgreSQL is behind this and nowhere else. */
export interface Store {
  /** For log.commit() alone: nothing else writes. Its transactions begin by taking the write lock. */
  readonly write: Kysely<Database>;
  /** A connection of its own that cannot write; it sees only what was committed. */
  readonly read: Kysely<Database>;
  /** True for an error of disk or database, as against one of the statement's making. */
  isFault(error: unknown): boolean;
  close(): Promise<void>;
}
