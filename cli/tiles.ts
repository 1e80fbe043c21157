import { HASH_BYTES, type Hashes } from '../protocol/merkle.ts';
import { formatTilePath, hashesFromTiles, type Tile, tileWidth } from '../protocol/tiles.ts';
import type { Client } from './client.ts';
import { Failure } from './failure.ts';

/**
 * Runs `compute` over the hashes of the log's tree of `size` leaves, fetching the tiles that it asks
 * for. It runs twice: once over blanks, to learn which tiles those are, then over what came.
 */
export async function overTiles<T>(client: Client, size: number, compute: (hashes: Hashes) => T): Promise<T> {
  const tiles = new Map<string, Uint8Array>();
  const wanted = new Map<string, Tile>();
  const tile = (level: number, index: number) => ({ level, index, width: tileWidth(size, level, index) });
  compute(
    hashesFromTiles((level, index) => {
      const asked = tile(level, index);
      wanted.set(formatTilePath(asked), asked);
      return new Uint8Array(asked.width * HASH_BYTES);
    }),
  );
  await Promise.all(
    [...wanted.values()].map(async (one) => tiles.set(formatTilePath(one), await fetchTile(client, one))),
  );
  return compute(
    hashesFromTiles((level, index) => tiles.get(formatTilePath(tile(level, index))) ?? new Uint8Array()),
  );
}

/** @throws Failure where the server gives another number of hashes */
export async function fetchTile(client: Client, tile: Tile): Promise<Uint8Array> {
  const path = `/log/${formatTilePath(tile)}`;
  const bytes = await client.bytes(path);
  if (bytes.length === tile.width * HASH_BYTES) return bytes;
  throw new Failure('verification', 'tile-broken', `${client.server}${path} is not ${tile.width} hashes.`, {
    next: 'Ask an officer; the log cannot be verified like this.',
  });
}
