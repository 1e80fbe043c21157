import { EMPTY_ROOT, HASH_BYTES, type Hashes, nodeHash } from './merkle.ts';

/** C2SP tlog-tiles: the tree cut into tiles of height 8, and its leaves into bundles of as many. */

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;

/** A tile of hashes at a tile level (0 holds leaf hashes), or a bundle of entries. */
export interface Tile {
  readonly level: number | 'entries';
  /** From the left, within its level. */
  readonly index: number;
  /** How many hashes or entries it holds: 256 when full, fewer at the right edge of a tree. */
  readonly width: number;
}

/** `tile/0/x001/234.p/17`. */
export function formatTilePath({ level, index, width }: Tile): string {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  }
  return `tile/${level}/${groups.join('/')}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

/** @returns undefined for whatever is not exactly what formatTilePath() writes for a tile that can exist */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(
    path,
  );
  const [, level, groups, width] = match ?? [];
  if (level === undefined || groups === undefined) return undefined;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  if (tile.level !== 'entries' && tile.level > 63) return undefined;
  if (!Number.isSafeInteger(tile.index) || tile.width < 1 || tile.width > TILE_WIDTH) return undefined;
  return formatTilePath(tile) === path ? tile : undefined;
}

/** How much of a tile a tree of `size` leaves fills: 0 where the tile does not exist in it. */
export function tileWidth(size: number, level: number | 'entries', index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** Every tile of hashes of a tree of `size` leaves, the lowest level first. */
export function* hashTiles(size: number): Generator<Tile> {
  for (let level = 0; tileWidth(size, level, 0) > 0; level += 1) yield* tilesOfLevel(size, level);
}

/** Every bundle of a tree of `size` leaves. */
export function entryBundles(size: number): Generator<Tile> {
  return tilesOfLevel(size, 'entries');
}

function* tilesOfLevel(size: number, level: number | 'entries'): Generator<Tile> {
  let width = tileWidth(size, level, 0);
  for (let index = 0; width > 0; index += 1) {
    yield { level, index, width };
    width = tileWidth(size, level, index + 1);
  }
}

/** The tile that the hash of a complete subtree is computed from. */
export function tileHolding(level: number, index: number): { level: number; index: number } {
  const first = index * 2 ** (level % TILE_HEIGHT);
  return { level: Math.floor(level / TILE_HEIGHT), index: Math.floor(first / TILE_WIDTH) };
}

/**
 * Subtree hashes computed from tiles; levels between those that tiles hold are hashed anew.
 * `tile` gives a tile's bytes, 32 for each hash, at least as wide as the tree makes it.
 */
export function hashesFromTiles(tile: (level: number, index: number) => Uint8Array): Hashes {
  return (level, index) => {
    const width = 2 ** (level % TILE_HEIGHT);
    const held = tileHolding(level, index);
    return subtreeHash(tile(held.level, held.index), (index * width) % TILE_WIDTH, width);
  };
}

/**
 * Runs a computation over hashes that must be fetched: once to learn which tiles it asks for, then
 * over those. It must ask for the same hashes whatever they are, as roots, frontiers and proofs do.
 * @throws RangeError where a tile is too short
 */
export async function overTiles<T>(
  fetch: (level: number, index: number) => Promise<Uint8Array>,
  compute: (hashes: Hashes) => T,
): Promise<T> {
  const wanted = new Map<string, { level: number; index: number }>();
  compute((level, index) => {
    const tile = tileHolding(level, index);
    wanted.set(`${tile.level}/${tile.index}`, tile);
    return EMPTY_ROOT;
  });
  const tiles = new Map<string, Uint8Array>();
  for (const [name, { level, index }] of wanted) tiles.set(name, await fetch(level, index));
  return compute(hashesFromTiles((level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array()));
}

function subtreeHash(tile: Uint8Array, first: number, width: number): Uint8Array {
  const half = width / 2;
  if (width > 1) return nodeHash(subtreeHash(tile, first, half), subtreeHash(tile, first + half, half));
  const hash = tile.subarray(first * HASH_BYTES, (first + 1) * HASH_BYTES);
  if (hash.length !== HASH_BYTES) throw new RangeError(`tile ends before hash ${first}`);
  return hash;
}

/**
 * A bundle: each entry behind its length as a big-endian uint16.
 * @throws RangeError for an entry over 65,535 bytes
 */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** @returns undefined where the last entry is cut, or there are more than a bundle holds */
export function decodeEntries(bundle: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  for (let at = 0; at < bundle.length; ) {
    if (at + 2 > bundle.length || entries.length === TILE_WIDTH) return undefined;
    const end = at + 2 + view.getUint16(at);
    if (end > bundle.length) return undefined;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
