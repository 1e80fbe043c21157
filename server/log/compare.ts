import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../store/schema.ts';
import type { Members, Scratch } from '../store/scratch.ts';
import { keyOf } from './replay.ts';

type Row = Record<string, string | number | null>;

/** A state table: its primary key, and the columns that events account for. */
interface StateTable {
  readonly name: keyof Database;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** The columns as events say them, where the table says them otherwise. */
  readonly derive?: (row: Row) => Row;
}

const digestOfJws = (row: Row): Row => ({
  digest: hash('sha256', String(row['jws']), 'base64url'),
});

const digestOfDer = ({ crt }: Row) => hash('sha256', Buffer.from(String(crt), 'base64url'), 'base64url');

const tables: readonly StateTable[] = [
  { name: 'principals', key: ['name'], columns: ['kind', 'roles', 'state'] },
  {
    name: 'enrolments',
    key: ['id'],
    columns: ['principal', 'expires', 'redeemed_serial', 'withdrawn'],
    derive: (row) => ({ ...row, withdrawn: row['withdrawn'] === null ? 0 : 1 }),
  },
  {
    name: 'certificates',
    key: ['serial'],
    columns: ['principal', 'lineage', 'kid', 'not_after', 'renewed_from', 'state'],
  },
  {
    name: 'orders',
    key: ['name'],
    columns: ['quantity', 'registered', 'confirmed', 'failed', 'closed'],
    derive: (row) => ({ ...row, closed: row['closed'] === null ? 0 : 1 }),
  },
  { name: 'order_stations', key: ['order', 'station'], columns: [] },
  {
    name: 'offline_bundles',
    key: ['jti'],
    columns: ['order', 'station', 'digest', 'kid', 'most', 'expires', 'taken'],
  },
  {
    name: 'modules',
    key: ['hwid'],
    columns: [
      ...['imei', 'order', 'customer', 'model', 'dkt', 'bundle_jti', 'bundle_digest', 'state'],
      ...['foreign_token', 'cleared_token', 'suspected', 'granted_seq'],
    ],
    derive: (row) => ({ ...row, suspected: row['suspected'] === null ? 0 : 1 }),
  },
  {
    name: 'passwords',
    key: ['hwid', 'ver'],
    columns: ['revealed'],
    derive: ({ revealed }) => ({ revealed: revealed === null ? 0 : 1 }),
  },
  {
    name: 'unlocks',
    key: ['id'],
    columns: [
      ...['hwid', 'requester', 'scope', 'seconds', 'reason', 'ticket', 'digest'],
      ...['state', 'granted', 'why', 'elapsed'],
    ],
  },
  {
    name: 'grants',
    key: ['unlock', 'turn'],
    columns: ['hwid', 'nonce', 'seq', 'kid', 'for', 'pw_ver', 'challenge_digest', 'token_digest'],
  },
  {
    name: 'receipts',
    key: ['hwid', 'jti', 'event', 'seq'],
    columns: ['why', 'elapsed', 'pwv', 'jws'],
    derive: (row) => ({ ...row, ...digestOfJws(row) }),
  },
  {
    name: 'tls_certificates',
    key: ['hwid', 'kid'],
    columns: ['dkt', 'serial', 'not_after', 'crt'],
    derive: (row) => ({ ...row, digest: digestOfDer(row) }),
  },
  { name: 'manifests', key: ['ver'], columns: ['jws'], derive: digestOfJws },
];

/** Rows read at a time. */
const PAGE = 500;

/** Compares the state tables with what replaying the events made; yields each difference in words. */
export async function* compareTables(db: Kysely<Database>, replayed: Scratch): AsyncGenerator<string> {
  for (const table of tables) {
    for await (const row of rowsOf(db, table)) {
      const key = keyOf(...table.key.map((column) => String(row[column])));
      const expected = replayed.get(table.name, key);
      if (expected === undefined) yield `${table.name} ${key}: the row is there, but no event made it`;
      else yield* compareRow(`${table.name} ${key}`, table.derive?.(row) ?? row, expected);
      replayed.remove(table.name, key);
    }
    for (const key of replayed.keys(table.name)) {
      yield `${table.name} ${key}: the events made this row, but it is not there`;
    }
  }
}

function* compareRow(name: string, row: Row, expected: Members): Generator<string> {
  for (const [column, value] of Object.entries(expected)) {
    const found = row[column] ?? null;
    if (found !== value) yield `${name}: ${column} is ${words(found)}, the events say ${words(value)}`;
  }
}

/** The rows in the order of their key, page by page. */
async function* rowsOf(db: Kysely<Database>, { name, key, columns }: StateTable): AsyncGenerator<Row> {
  const keys = sql.join(key.map((column) => sql.ref(column)));
  const selected = sql.join([...key, ...columns].map((column) => sql.ref(column)));
  for (let last: Row | undefined; ; ) {
    const from = last;
    const behind = from ? sql`where (${keys}) > (${sql.join(key.map((column) => from[column]))})` : sql``;
    const { rows } = await sql<Row>`
      select ${selected} from ${sql.table(name)} ${behind} order by ${keys} limit ${PAGE}`.execute(db);
    yield* rows;
    last = rows.at(-1);
    if (rows.length < PAGE) return;
  }
}

function words(value: string | number | null): string {
  return value === null ? 'nothing' : JSON.stringify(value);
}
