import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely';
import { Sqlite, type SqliteConnection } from '../../sqlite/driver.ts';
import { migrate } from './migrate.ts';
import type { Database } from './schema.ts';
import type { Store } from './store.ts';

/** How long a statement waits for another process's write before it fails, in milliseconds. */
const BUSY_TIMEOUT = 1000;

/** Prepared statements kept; queries built at run time are few, so this is a bound, not a working size. */
const MOST_STATEMENTS = 500;

/** Opens the database file, made with its directory where there is none, and brings its tables up to date. */
export async function openSqlite(file: string): Promise<Store> {
  createFile(file);
  const writer = new Sqlite(file, { timeout: BUSY_TIMEOUT });
  writer.pragma('journal_mode = WAL');
  // COMMIT returns once its frames are synced (order rule 1); WAL's default syncs only at checkpoints.
  writer.pragma('synchronous = FULL');
  writer.pragma('foreign_keys = ON');
  // What a savepoint may have to undo stays in memory: in a file it doubles what a commit writes.
  writer.pragma('temp_store = MEMORY');
  // Pages: a short write-ahead log is quicker to find pages in, and each folding of it is over sooner.
  writer.pragma('wal_autocheckpoint = 400');
  const write = kysely(new ImmediateDriver({ database: cached(writer) }));
  await migrate(write, { bytes: 'blob' });
  const { read, close } = openReader(file);
  return {
    write,
    read,
    isFault,
    async close() {
      close();
      // Last, because closing the last connection folds the write-ahead log into the database.
      writer.close();
    },
  };
}

/** How long folding the write-ahead log waits for a server at work, in milliseconds. */
const FOLD_TIMEOUT = 10_000;

/**
 * Folds the write-ahead log into the database and empties it: no earlier state of a row is on disk then.
 * @returns false where others were using the database all the time
 */
export function foldLog(file: string): boolean {
  const writer = new Sqlite(file, { fileMustExist: true, timeout: FOLD_TIMEOUT });
  try {
    return writer.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
  } finally {
    writer.close();
  }
}

/** The read connection alone, for a look at a database that a server may be using. */
export function openReader(file: string): { read: Kysely<Database>; close(): void } {
  const reader = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT });
  reader.pragma('query_only = ON');
  const read = kysely(new SqliteDriver({ database: cached(reader) }));
  // Not read.destroy(), which leaves a connection open that was never used.
  return { read, close: () => reader.close() };
}

/** Names of errors that speak of disk or file; constraint and syntax errors are the statement's own. */
const FAULTS =
  /^SQLITE_(?:FULL|IOERR|READONLY|BUSY|LOCKED|CANTOPEN|CORRUPT|NOTADB|NOMEM|PERM|AUTH|PROTOCOL|INTERRUPT|INTERNAL|NOLFS)/;

function isFault(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && FAULTS.test(error.code);
}

/** The file exists with mode 0600 before SQLite opens it; the files beside it take their mode from it. */
function createFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const directory = openSync(dirname(file), 'r');
  fsyncSync(directory);
  closeSync(directory);
}

function kysely(driver: SqliteDriver): Kysely<Database> {
  const dialect: Dialect = {
    createDriver: () => driver,
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  return new Kysely<Database>({ dialect });
}

/** Takes the write lock at once: a deferred transaction that reads first cannot always take it later. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(BEGIN);
  }
}
const BEGIN = CompiledQuery.raw('begin immediate');

/** Keeps prepared statements: preparing costs more than running most of ours. */
function cached(database: SqliteConnection): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(query) {
      const known = statements.get(query);
      if (known !== undefined) return known;
      if (statements.size === MOST_STATEMENTS) statements.clear();
      const statement = database.prepare(query);
      statements.set(query, statement);
      return statement;
    },
  };
}
