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

/** Recomputes the whole tree: every tile of hashes, the root, and with `entries` every leaf. */
export async function verifyLog(report: Report, check: LogCheck): Promise<void> {
  const { tree, client, progress } = check;
  const frontier = new Frontier();
  /** By tile level above 0, the hashes that its tiles must hold. */
  const upper: Uint8Array[][] = [];
  for (let index = 0; tileWidth(tree.size, 0, index) > 0; index += 1) {
    const tile = { level: 0, index, width: tileWidth(tree.size, 0, index) };
    const hashes = split(await fetchTile(client, tile));
    for (const hash of hashes) {
      for (const [height, subtree] of frontier.append(hash).entries()) {
        if (height === 0 || height % TILE_HEIGHT !== 0) continue;
        const level = height / TILE_HEIGHT;
        upper[level] = [...(upper[level] ?? []), subtree];
      }
    }
    if (check.entries) await verifyEntries(report, client, { ...tile, level: 'entries' }, hashes);
    if (index % 16 === 15) progress(`${frontier.size} of ${tree.size} events`);
  }
  for (const [level, hashes] of upper.entries()) {
    if (level > 0) await verifyUpper(report, client, level, hashes);
  }
  if (!Buffer.from(frontier.root()).equals(tree.root)) {
    report.fault('root-wrong', 'the hash tiles do not make the root that the checkpoint signs');
  }
}

async function verifyEntries(
  report: Report,
  client: Client,
  tile: Tile,
  hashes: readonly Uint8Array[],
): Promise<void> {
  const path = formatTilePath(tile);
  const entries = decodeEntries(await client.bytes(`/log/${path}`));
  if (entries?.length !== hashes.length) {
    report.fault('entries-altered', `${path} does not hold ${hashes.length} events`);
    return;
  }
  for (const [place, entry] of entries.entries()) {
    const index = tile.index * TILE_WIDTH + place;
    const hash = hashes[place];
    if (hash === undefined || !Buffer.from(leafHash(entry)).equals(hash)) {
      report.fault('entries-altered', `event ${index} is not the one that was hashed`);
    } else if (decodeEvent(entry) === undefined) {
      report.fault(
        'entries-altered',
        `event ${index} is not the canonical form of an event that this version knows`,
      );
    }
  }
}

async function verifyUpper(
  report: Report,
  client: Client,
  level: number,
  hashes: readonly Uint8Array[],
): Promise<void> {
  for (let first = 0; first < hashes.length; first += TILE_WIDTH) {
    const wanted = Buffer.concat(hashes.slice(first, first + TILE_WIDTH));
    const tile = { level, index: first / TILE_WIDTH, width: wanted.length / HASH_BYTES };
    if (!wanted.equals(await fetchTile(client, tile))) {
      report.fault('tile-broken', `${formatTilePath(tile)} is not what the tiles below it make`);
    }
  }
}

function split(tile: Uint8Array): Uint8Array[] {
  return Array.from({ length: tile.length / HASH_BYTES }, (_, place) =>
    tile.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES),
  );
}
