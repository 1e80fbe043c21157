import type { Kysely } from 'kysely';
import { EMPTY_ROOT, type Hashes } from '../../protocol/merkle.ts';
import { hashesFromTiles, TILE_HEIGHT, TILE_WIDTH, tileHolding } from '../../protocol/tiles.ts';
import type { Database } from '../store/schema.ts';

/** A tile's stored hashes, 32 bytes each, as many of `width` as there are. */
export async function readHashTile(
  db: Kysely<Database>,
  level: number,
  index: number,
  width = TILE_WIDTH,
): Promise<Uint8Array> {
  const first = index * TILE_WIDTH;
  const found =
    level === 0
      ? await db
          .selectFrom('log_leaves')
          .select('hash')
          .where('idx', '>=', first)
          .where('idx', '<', first + width)
          .orderBy('idx')
          .execute()
      : await db
          .selectFrom('log_nodes')
          .select('hash')
          .where('level', '=', level * TILE_HEIGHT)
          .where('idx', '>=', first)
          .where('idx', '<', first + width)
          .orderBy('idx')
          .execute();
  return Buffer.concat(found.map(({ hash }) => hash));
}

/**
 * Runs a computation over stored hashes: once to learn which tiles it asks for, then over those.
 * @throws RangeError where the store does not hold a hash that it asks for
 */
export async function overStoredHashes<T>(db: Kysely<Database>, compute: (hashes: Hashes) => T): Promise<T> {
  const tiles = new Map<string, Uint8Array>();
  const wanted = new Map<string, { level: number; index: number }>();
  compute((level, index) => {
    const tile = tileHolding(level, index);
    wanted.set(`${tile.level}/${tile.index}`, tile);
    return EMPTY_ROOT;
  });
  for (const [name, { level, index }] of wanted) tiles.set(name, await readHashTile(db, level, index));
  return compute(hashesFromTiles((level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array()));
}
