import { type Kysely, sql } from 'kysely';
import { KeyFault } from '../keys/fault.ts';
import type { SealedFor } from '../keys/keys.ts';
import { sealedUnder } from '../keys/seal.ts';
import { SERVER } from '../protocol/events.ts';
import type { Services } from './context.ts';
import type { Keyring } from './keyring.ts';
import type { Tx } from './log/log.ts';
import type { Database } from './store/schema.ts';

type Row = Record<string, string | number | Uint8Array | null>;

/** A column of sealed bytes: its table's primary key, and what each is sealed for. */
interface SealedColumn {
  readonly table: keyof Database;
  readonly column: string;
  readonly key: readonly string[];
  readonly purpose: SealedFor['purpose'];
  /** The column that holds its subject; its version, where it has one, is a column or a number. */
  readonly subject: string;
  readonly version: string | number;
}

const ofGrant = { table: 'grants', key: ['unlock', 'turn'], subject: 'unlock', version: 'turn' } as const;

/** Everything that is sealed, in the order in which it is sealed anew; a test holds it against the tables. */
export const sealedColumns: readonly SealedColumn[] = [
  {
    table: 'passwords',
    column: 'sealed',
    key: ['hwid', 'ver'],
    purpose: 'password',
    subject: 'hwid',
    version: 'ver',
  },
  // Before modules: whatever was made during an outage takes its bundle from here, sealed as it is.
  {
    ...{ table: 'offline_bundles', column: 'sealed', key: ['jti'] },
    ...{ purpose: 'bundle', subject: 'jti', version: 1 },
  },
  {
    table: 'modules',
    column: 'sealed_bundle',
    key: ['hwid'],
    purpose: 'bundle',
    subject: 'bundle_jti',
    version: 1,
  },
  { ...ofGrant, column: 'sealed_challenge', purpose: 'challenge' },
  { ...ofGrant, column: 'sealed_token', purpose: 'token' },
  {
    table: 'enrolments',
    column: 'sealed_code',
    key: ['id'],
    purpose: 'enrolment',
    subject: 'id',
    version: 0,
  },
];

/** Rows read at a time, and sealed anew in one commit at most. */
const PAGE = 64;

export type Resealing = Pick<Services, 'read' | 'commit' | 'diagnostics'> & {
  readonly keyring: Keyring;
  /** Between two pages, so that what somebody waits for comes first. */
  readonly pause: () => Promise<void>;
  readonly stopping: AbortSignal;
};

/**
 * Seals every row anew that an older data key sealed. Cut off, the next pass finds what is left.
 * @returns true where no such row is left; false too where it was stopped, or a row does not open
 */
export async function resealAll(parts: Resealing): Promise<boolean> {
  let whole = true;
  for (const column of sealedColumns) {
    for (let last: Row | undefined; ; ) {
      if (parts.stopping.aborted) return false;
      const rows = await pageOf(parts.read, column, last);
      if (!(await resealPage(parts, column, rows))) whole = false;
      last = rows.at(-1);
      if (rows.length < PAGE) break;
      await parts.pause();
    }
  }
  return whole;
}

async function pageOf(db: Kysely<Database>, sealed: SealedColumn, last: Row | undefined): Promise<Row[]> {
  const { table, column, key, subject, version } = sealed;
  const names = new Set([...key, subject, ...(typeof version === 'string' ? [version] : []), column]);
  const keys = sql.join(key.map((name) => sql.ref(name)));
  const behind = last ? sql`where (${keys}) > (${sql.join(key.map((name) => last[name]))})` : sql``;
  const { rows } = await sql<Row>`
    select ${sql.join([...names].map((name) => sql.ref(name)))} from ${sql.table(table)}
    ${behind} order by ${keys} limit ${PAGE}`.execute(db);
  return rows;
}

/** @returns false where a row does not open: its data key has to stay */
async function resealPage(
  { keyring, commit, diagnostics }: Resealing,
  sealed: SealedColumn,
  rows: readonly Row[],
): Promise<boolean> {
  const changes: Change[] = [];
  let whole = true;
  for (const row of rows) {
    const from = row[sealed.column];
    // Empty: a bundle that nobody has asked for yet.
    if (!(from instanceof Uint8Array) || from.length === 0) continue;
    if (sealedUnder(from) === keyring.newest.id) continue;
    const sealedFor = sealedForOf(sealed, row);
    try {
      changes.push({ row, from, to: keyring.seal(keyring.open(from, sealedFor), sealedFor) });
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error;
      const { purpose, subject, version } = sealedFor;
      diagnostics.error({ purpose, subject, version }, 'a sealed row does not open; it stays as it is');
      whole = false;
    }
  }
  if (changes.length > 0) await commit(SERVER, (tx) => replace(tx, sealed, changes));
  return whole;
}

interface Change {
  readonly row: Row;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** What was written meanwhile stays: it is sealed under the newest data key. */
async function replace(
  { db }: Tx,
  { table, column, key }: SealedColumn,
  changes: readonly Change[],
): Promise<void> {
  for (const { row, from, to } of changes) {
    const isIt = key.map((name) => sql`${sql.ref(name)} = ${row[name]}`);
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${to}
      where ${sql.join(isIt, sql` and `)} and ${sql.ref(column)} = ${from}`.execute(db);
  }
}

function sealedForOf({ purpose, subject, version }: SealedColumn, row: Row): SealedFor {
  const number = typeof version === 'number' ? version : Number(row[version]);
  return { purpose, subject: String(row[subject]), version: number };
}
