import type { Keys } from '../../keys/keys.ts';
import { logOrigin, signCheckpoint } from '../../protocol/checkpoint.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { keyObject } from '../../protocol/jwk.ts';
import { leafHash, nodeHash } from '../../protocol/merkle.ts';
import { noteVerifier } from '../../protocol/note.ts';
import { encodeEntries, parseTilePath, TILE_WIDTH } from '../../protocol/tiles.ts';

import type { Said } from './scripted-server.ts';

/** A log in memory: leaves, signed checkpoints and tiles, any of which a test may replace. */
export class ScriptedLog {
  readonly leaves: Uint8Array[] = [];
  /** What `/log/checkpoint` says. */
  checkpoint = '';
  readonly #keys: Keys;

  private constructor(keys: Keys) {
    this.#keys = keys;
  }

  static async create(keys: Keys): Promise<ScriptedLog> {
    const log = new ScriptedLog(keys);
    await log.append('{"first":true}');
    return log;
  }

  async append(...leaves: string[]): Promise<void> {
    this.leaves.push(...leaves.map((leaf) => Buffer.from(leaf)));
    await this.sign();
  }

  /** Signs what is there now, as a server that rewrites its past would. */
  async sign(): Promise<void> {
    const { iss, log } = this.#keys;
    const frontier = new Frontier();
    for (const leaf of this.leaves) frontier.append(leafHash(leaf));
    const signer = { ...noteVerifier(logOrigin(iss), keyObject(log.jwk)), sign: log.sign };
    this.checkpoint = await signCheckpoint(this.leaves.length, frontier.root(), signer);
  }

  answer(path: string): Said | undefined {
    if (path === '/log/checkpoint') return { body: this.checkpoint };
    const tile = parseTilePath(path.replace('/log/', ''));
    if (tile === undefined) return undefined;
    const first = tile.index * TILE_WIDTH;
    if (tile.level === 'entries')
      return { body: encodeEntries(this.leaves.slice(first, first + tile.width)) };
    const hashes = this.#level(tile.level).slice(first, first + tile.width);
    return { body: Buffer.concat(hashes) };
  }

  /** Hashes of the complete subtrees that a tile level is made of. */
  #level(level: number): Uint8Array[] {
    let hashes = this.leaves.map(leafHash);
    for (let height = 0; height < level * 8; height += 1) {
      hashes = hashes.flatMap((left, index) => {
        const right = index % 2 === 0 ? hashes[index + 1] : undefined;
        return right === undefined ? [] : [nodeHash(left, right)];
      });
    }
    return hashes;
  }
}
