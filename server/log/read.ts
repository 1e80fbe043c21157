import { type Kysely, sql } from 'kysely';
import type { LogEvent } from '../../protocol/events.ts';
import { consistencyProof, inclusionProof } from '../../protocol/merkle.ts';
import { Problem } from '../../protocol/problems.ts';
import { encodeEntries, TILE_WIDTH, type Tile, tileWidth } from '../../protocol/tiles.ts';
import type { Database } from '../store/schema.ts';
import { overStoredHashes, readHashTile } from './stored.ts';
import { readHead } from './tree.ts';

/** Proofs, tiles and events, from what is under a signed checkpoint. */
export interface LogReader {
  /** The newest signed checkpoint. */
  checkpoint(): Promise<string>;
  /** A tile's hashes, or a bundle's entries; undefined where the tree does not fill it that far. */
  tile(tile: Tile): Promise<Uint8Array | undefined>;
  /**
   * Leaves with the proofs that one checkpoint's tree holds them, in the order asked for.
   * @throws Problem `not-found` for an index beyond the tree
   */
  prove(indexes: readonly number[]): Promise<ProvenLeaves>;
  /**
   * Proof that the newest tree is the one of `size` leaves, grown.
   * @throws Problem `range-not-satisfiable` for a size that it never had
   */
  consistency(size: number): Promise<{ readonly checkpoint: string; readonly proof: readonly Uint8Array[] }>;
  /** Events in the order of the log, or the newest first. */
  search(query: EventSearch): Promise<FoundEvents>;
}

export interface ProvenLeaves {
  readonly checkpoint: string;
  readonly leaves: readonly {
    readonly index: number;
    readonly leaf: Uint8Array;
    readonly proof: readonly Uint8Array[];
  }[];
}

export interface EventSearch {
  readonly limit: number;
  /** Only what stands behind this index, in the order of the answer. */
  readonly after?: number | undefined;
  readonly newestFirst?: boolean | undefined;
  readonly type?: string | undefined;
  readonly hwid?: string | undefined;
  readonly unlock?: string | undefined;
  readonly by?: string | undefined;
  /** RFC 3339 in UTC with milliseconds, as in `at`; from is inside, to is not. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Only what this principal did, and what happened to the unlocks that they requested. */
  readonly visibleTo?: string | undefined;
}

export interface FoundEvents {
  readonly items: readonly { readonly index: number; readonly event: LogEvent }[];
  /** Where to go on; null at the end. */
  readonly next: number | null;
}

/** `db` is the read connection: it cannot see what no checkpoint covers. */
export function logReader(db: Kysely<Database>): LogReader {
  return {
    checkpoint: async () => (await head(db)).checkpoint,
    tile: (tile) => readTile(db, tile),
    prove: (indexes) => prove(db, indexes),
    consistency: (size) => consistency(db, size),
    search: (query) => search(db, query),
  };
}

async function head(db: Kysely<Database>) {
  const found = await readHead(db);
  if (found === undefined) throw new Error('the log was never opened: it has no checkpoint');
  return found;
}

async function readTile(
  db: Kysely<Database>,
  { level, index, width }: Tile,
): Promise<Uint8Array | undefined> {
  const { size } = await head(db);
  if (tileWidth(size, level, index) < width) return undefined;
  if (level !== 'entries') return await readHashTile(db, level, index, width);
  const first = index * TILE_WIDTH;
  const rows = await db
    .selectFrom('log_leaves')
    .select('leaf')
    .where('idx', '>=', first)
    .where('idx', '<', first + width)
    .orderBy('idx')
    .execute();
  return encodeEntries(rows.map(({ leaf }) => leaf));
}

async function prove(db: Kysely<Database>, indexes: readonly number[]): Promise<ProvenLeaves> {
  const { size, checkpoint } = await head(db);
  if (indexes.length === 0) return { checkpoint, leaves: [] };
  const beyond = indexes.find((index) => index >= size);
  if (beyond !== undefined) {
    throw new Problem('not-found', `There is no event ${beyond}; the log holds ${size}, counted from 0.`);
  }
  const proofs = await overStoredHashes(db, (hashes) =>
    indexes.map((index) => inclusionProof(index, size, hashes)),
  );
  const rows = await db
    .selectFrom('log_leaves')
    .select(['idx', 'leaf'])
    .where('idx', 'in', [...indexes])
    .execute();
  const leaves = new Map(rows.map(({ idx, leaf }) => [idx, leaf]));
  return {
    checkpoint,
    leaves: indexes.map((index, place) => ({
      index,
      leaf: leaves.get(index) ?? new Uint8Array(),
      proof: proofs[place] ?? [],
    })),
  };
}

async function consistency(db: Kysely<Database>, size: number) {
  const newest = await head(db);
  if (size < 1 || size > newest.size) {
    throw new Problem('range-not-satisfiable', `The log has ${newest.size} events, and never had ${size}.`);
  }
  const proof = await overStoredHashes(db, (hashes) => consistencyProof(size, newest.size, hashes));
  return { checkpoint: newest.checkpoint, proof };
}

async function search(db: Kysely<Database>, query: EventSearch): Promise<FoundEvents> {
  let rows = db.selectFrom('log_leaves').select(['idx', 'leaf']);
  for (const column of ['type', 'hwid', 'unlock', 'by'] as const) {
    const value = query[column];
    if (value !== undefined) rows = rows.where(column, '=', value);
  }
  const { from, to } = query;
  if (from !== undefined) rows = rows.where('at', '>=', from).where('idx', '>=', within(db, query, 'min'));
  if (to !== undefined) rows = rows.where('at', '<', to).where('idx', '<=', within(db, query, 'max'));
  if (query.after !== undefined) rows = rows.where('idx', query.newestFirst ? '<' : '>', query.after);
  const { visibleTo } = query;
  if (visibleTo !== undefined) {
    rows = rows.where((leaf) =>
      leaf.or([
        leaf('by', '=', visibleTo),
        leaf('unlock', 'in', db.selectFrom('unlocks').select('id').where('requester', '=', visibleTo)),
      ]),
    );
  }
  const found = await rows
    .orderBy('idx', query.newestFirst ? 'desc' : 'asc')
    .limit(query.limit + 1)
    .execute();
  const items = found
    .slice(0, query.limit)
    .map(({ idx, leaf }) => ({ index: idx, event: JSON.parse(Buffer.from(leaf).toString()) as LogEvent }));
  return { items, next: found.length > query.limit ? (items.at(-1)?.index ?? null) : null };
}

/**
 * The first or last index of the times asked for. Times are nearly in order, which no database knows:
 * this bounds a search in the log's order by the range instead of by the log.
 */
function within(db: Kysely<Database>, { from, to }: EventSearch, end: 'min' | 'max') {
  return (
    db
      .selectFrom('log_leaves')
      // Not plain idx: SQLite would look for its end in the log's order.
      .select(sql<number>`${sql.raw(end)}(idx + 0)`.as('end'))
      .$if(from !== undefined, (range) => range.where('at', '>=', from ?? ''))
      .$if(to !== undefined, (range) => range.where('at', '<', to ?? ''))
  );
}
