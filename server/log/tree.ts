import type { Kysely } from 'kysely';
import { type Checkpoint, openCheckpoint } from '../../protocol/checkpoint.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { leafHash, rootHash } from '../../protocol/merkle.ts';
import { NoteError, type NoteVerifier } from '../../protocol/note.ts';
import { TILE_WIDTH } from '../../protocol/tiles.ts';
import type { Database } from '../store/schema.ts';
import { overStoredHashes } from './stored.ts';

/** The tree in memory: the frontier, under the checkpoint that stands in the log's head. */
export interface Tree {
  readonly frontier: Frontier;
  /** The signed note. */
  readonly checkpoint: string;
}

/** Whose log it is: its origin, and the keys that may have signed its checkpoints. */
export interface LogIdentity {
  readonly origin: string;
  readonly verifiers: readonly NoteVerifier[];
}

/** The stored log is not the one that was signed. Nothing may be added to it. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
}

/** The head's row as it stands, or undefined before the first checkpoint. */
export async function readHead(
  db: Kysely<Database>,
): Promise<{ size: number; checkpoint: string } | undefined> {
  return await db
    .selectFrom('log_head')
    .select(['size', 'checkpoint'])
    .where('id', '=', 1)
    .executeTakeFirst();
}

/**
 * Loads the frontier from stored hashes and compares its root with the signed checkpoint.
 * @returns undefined for a log that has no checkpoint yet
 * @throws LogDamaged
 */
export async function loadTree(db: Kysely<Database>, identity: LogIdentity): Promise<Tree | undefined> {
  const head = await readHead(db);
  if (head === undefined) return undefined;
  const { size, root } = readCheckpoint(head.checkpoint, identity, 'the checkpoint in the database');
  const frontier = await overStoredHashes(db, (hashes) => new Frontier(size, hashes)).catch(missing);
  if (head.size !== size || Buffer.compare(frontier.root(), root) !== 0) {
    throw new LogDamaged(`the stored hashes do not make the root of the signed checkpoint (size ${size})`);
  }
  return { frontier, checkpoint: head.checkpoint };
}

/**
 * Re-hashes the leaves of the last tile, where a torn or meddling write would show.
 * @throws LogDamaged
 */
export async function checkEdge(db: Kysely<Database>, size: number): Promise<void> {
  const first = Math.floor(Math.max(0, size - 1) / TILE_WIDTH) * TILE_WIDTH;
  const rows = await db
    .selectFrom('log_leaves')
    .select(['idx', 'hash', 'leaf'])
    .where('idx', '>=', first)
    .orderBy('idx')
    .execute();
  if (rows.length !== size - first) {
    throw new LogDamaged(`there are ${first + rows.length} leaves under a checkpoint of ${size}`);
  }
  const wrong = rows.find(({ hash, leaf }) => Buffer.compare(leafHash(leaf), hash) !== 0);
  if (wrong !== undefined) throw new LogDamaged(`leaf ${wrong.idx} is not what was hashed into the tree`);
}

/**
 * Demands that the stored tree is the one of an earlier checkpoint, grown.
 * @throws LogDamaged where it is behind, or another
 */
export async function checkGrown(db: Kysely<Database>, size: number, earlier: Checkpoint): Promise<void> {
  if (size < earlier.size) {
    throw new LogDamaged(
      `the database holds ${size} events, but a checkpoint over ${earlier.size} was signed: ` +
        'it is an older copy, or its end was cut off',
    );
  }
  const root = await overStoredHashes(db, (hashes) => rootHash(earlier.size, hashes)).catch(missing);
  if (Buffer.compare(root, earlier.root) !== 0) {
    throw new LogDamaged(`the first ${earlier.size} events are not those that were signed before`);
  }
}

/** @throws LogDamaged for a checkpoint that is not this log's */
export function readCheckpoint(note: string, { origin, verifiers }: LogIdentity, where: string): Checkpoint {
  try {
    return openCheckpoint(note, origin, verifiers);
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    throw new LogDamaged(`${where} is not this log's: ${error.message}`, { cause: error });
  }
}

function missing(error: unknown): never {
  if (!(error instanceof RangeError)) throw error;
  throw new LogDamaged('hashes of the tree are missing from the database', { cause: error });
}
