import type { Checkpoint } from '../../protocol/checkpoint.ts';
import { decodeEvent } from '../../protocol/events.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { HASH_BYTES, leafHash } from '../../protocol/merkle.ts';
import {
  decodeEntries,
  formatTilePath,
  TILE_HEIGHT,
  TILE_WIDTH,
  type Tile,
  tileWidth,
} from '../../protocol/tiles.ts';
import type { Client } from '../client.ts';
import { fetchTile } from '../tiles.ts';
import type { Report } from './report.ts';

export interface LogCheck {
  readonly client: Client;
  readonly tree: Checkpoint;
  /** Also the events themselves, which only auditors and officers may read. */
  readonly entries: boolean;
  progress(line: string): void;
}

/**
 * Recomputes the whole tree from its lowest tiles: every tile above them, the root, and with `entries`
 * every leaf. Holds one tile of each level at a time, however long the log is.
 */
export async function verifyLog(report: Report, check: LogCheck): Promise<void> {
  const { tree, client, progress } = check;
  const frontier = new Frontier();
  const upper = new UpperTiles(client, tree.size, report);
  for (let index = 0; tileWidth(tree.size, 0, index) > 0; index += 1) {
    const tile = { level: 0, index, width: tileWidth(tree.size, 0, index) };
    const bundle = { ...tile, level: 'entries' } as const;
    const [hashes, entries] = await Promise.all([
      fetchTile(client, tile),
      check.entries ? client.bytes(`/log/${formatTilePath(bundle)}`) : undefined,
    ]);
    if (entries !== undefined) checkEntries(report, bundle, entries, hashes);
    for (let place = 0; place < tile.width; place += 1) {
      await upper.check(frontier.size, frontier.append(hashAt(hashes, place)));
    }
    if (index % 16 === 15) progress(`${frontier.size} of ${tree.size} events`);
  }
  if (!Buffer.from(frontier.root()).equals(tree.root)) {
    report.fault('root-wrong', 'the hash tiles do not make the root that the checkpoint signs');
  }
}

/** The tiles above the lowest, each fetched when the first of its hashes is known from below. */
class UpperTiles {
  readonly #client: Client;
  readonly #size: number;
  readonly #report: Report;
  readonly #held = new Map<number, { readonly tile: Tile; readonly hashes: Uint8Array }>();

  constructor(client: Client, size: number, report: Report) {
    this.#client = client;
    this.#size = size;
    this.#report = report;
  }

  /** @param completed hashes of the subtrees that leaf `index` completes, by level */
  async check(index: number, completed: readonly Uint8Array[]): Promise<void> {
    for (let level = TILE_HEIGHT; level < completed.length; level += TILE_HEIGHT) {
      const place = Math.floor(index / 2 ** level);
      const { tile, hashes } = await this.#tile(level / TILE_HEIGHT, Math.floor(place / TILE_WIDTH));
      if (Buffer.from(hashAt(hashes, place % TILE_WIDTH)).equals(completed[level] ?? new Uint8Array()))
        continue;
      const what = `${formatTilePath(tile)} is not what the tiles below it make, at ${place % TILE_WIDTH}`;
      this.#report.fault('tile-wrong', what);
    }
  }

  async #tile(level: number, index: number) {
    const held = this.#held.get(level);
    if (held?.tile.index === index) return held;
    const tile = { level, index, width: tileWidth(this.#size, level, index) };
    const fetched = { tile, hashes: await fetchTile(this.#client, tile) };
    this.#held.set(level, fetched);
    return fetched;
  }
}

/** Each entry of a bundle is what was hashed, and is an event. */
function checkEntries(report: Report, bundle: Tile, bytes: Uint8Array, hashes: Uint8Array): void {
  const entries = decodeEntries(bytes);
  if (entries?.length !== bundle.width) {
    report.fault('entries-altered', `${formatTilePath(bundle)} does not hold ${bundle.width} events`);
    return;
  }
  for (const [place, entry] of entries.entries()) {
    const index = bundle.index * TILE_WIDTH + place;
    if (!Buffer.from(leafHash(entry)).equals(hashAt(hashes, place))) {
      report.fault('entries-altered', `event ${index} is not the one that was hashed`);
    } else if (decodeEvent(entry) === undefined) {
      const what = `event ${index} is not the canonical form of an event that this version knows`;
      report.fault('entries-unknown', what);
    }
  }
}

function hashAt(tile: Uint8Array, place: number): Uint8Array {
  return tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES);
}
