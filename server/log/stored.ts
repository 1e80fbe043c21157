import type { Kysely } from 'kysely';
import type { Hashes } from '../../protocol/merkle.ts';
import { overTiles, TILE_HEIGHT, TILE_WIDTH } from '../../protocol/tiles.ts';
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
 * Runs a computation over stored hashes.
 * @throws RangeError where the store does not hold one that it asks for
 */
export function overStoredHashes<T>(db: Kysely<Database>, compute: (hashes: Hashes) => T): Promise<T> {
  return overTiles((level, index) => readHashTile(db, level, index), compute);
}
