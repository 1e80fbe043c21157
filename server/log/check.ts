import type { Kysely } from 'kysely';
import type { Checkpoint } from '../../protocol/checkpoint.ts';
import { decodeEvent } from '../../protocol/events.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { leafHash } from '../../protocol/merkle.ts';
import { TILE_HEIGHT } from '../../protocol/tiles.ts';
import type { Database, LogLeaf } from '../store/schema.ts';
import { Scratch } from '../store/scratch.ts';
import { leafColumns } from './batch.ts';
import { compareTables } from './compare.ts';
import { replay } from './replay.ts';
import { LogDamaged, type LogIdentity, readCheckpoint, readHead } from './tree.ts';

export interface CheckOptions {
  /** A read connection of its own. */
  readonly read: Kysely<Database>;
  readonly identity: LogIdentity;
  /** The copy of the checkpoint outside the database, where there is one. */
  readonly copy: string | undefined;
}

/** How much was checked. */
export interface Checked {
  readonly events: number;
  readonly differences: number;
}

/**
 * Re-hashes every leaf from its row, recomputes the root and compares it with the signed checkpoint
 * and its copy; replays the events and compares the state tables. Memory does not grow with the log,
 * and a server may go on writing: all is read from one snapshot.
 * @param report is told each difference, in words
 */
export async function checkLog(
  { read, identity, copy }: CheckOptions,
  report: (difference: string) => void,
): Promise<Checked> {
  const replayed = new Scratch();
  try {
    return await read.transaction().execute(async (db) => {
      let differences = 0;
      const tell = (difference: string) => {
        differences += 1;
        report(difference);
      };
      const earlier =
        copy === undefined ? undefined : signed(copy, identity, 'the copy of the checkpoint', tell);
      const frontier = await checkLeaves(db, earlier, replayed, tell);
      await checkHead(db, frontier, identity, tell);
      if (earlier !== undefined && earlier.size > frontier.size) {
        tell(`the log holds ${frontier.size} events, but a checkpoint over ${earlier.size} was signed`);
      }
      for await (const difference of compareTables(db, replayed)) tell(difference);
      return { events: frontier.size, differences };
    });
  } finally {
    replayed.close();
  }
}

type Tell = (difference: string) => void;

function signed(note: string, identity: LogIdentity, where: string, tell: Tell): Checkpoint | undefined {
  try {
    return readCheckpoint(note, identity, where);
  } catch (error) {
    if (!(error instanceof LogDamaged)) throw error;
    tell(error.message);
    return undefined;
  }
}

/** @returns the tree that the leaves themselves make */
async function checkLeaves(
  db: Kysely<Database>,
  earlier: Checkpoint | undefined,
  replayed: Scratch,
  tell: Tell,
): Promise<Frontier> {
  const frontier = new Frontier();
  for await (const row of leaves(db)) {
    if (row.idx !== frontier.size)
      tell(`event ${frontier.size} is missing: event ${row.idx} stands in its place`);
    const hash = leafHash(row.leaf);
    if (Buffer.compare(hash, row.hash) !== 0) tell(`event ${row.idx} is not what was hashed into the tree`);
    checkEvent(row, replayed, tell);
    await checkNodes(db, frontier.size, frontier.append(hash), tell);
    if (frontier.size === earlier?.size && Buffer.compare(frontier.root(), earlier.root) !== 0) {
      tell(`the first ${earlier.size} events are not those that the checkpoint's copy was signed over`);
    }
  }
  return frontier;
}

function checkEvent(row: LogLeaf, replayed: Scratch, tell: Tell): void {
  const event = decodeEvent(row.leaf);
  if (event === undefined) {
    tell(`event ${row.idx} is not a canonical event of the closed list`);
    return;
  }
  for (const [column, value] of Object.entries(leafColumns(event))) {
    const found = Object.entries(row).find(([name]) => name === column)?.[1];
    if (found !== value) tell(`event ${row.idx}: its ${column} is ${value}, but it is filed under ${found}`);
  }
  replay(event, replayed);
}

/** The stored hashes of the subtrees that this leaf completes. */
async function checkNodes(
  db: Kysely<Database>,
  index: number,
  completed: readonly Uint8Array[],
  tell: Tell,
): Promise<void> {
  for (let level = TILE_HEIGHT; level < completed.length; level += TILE_HEIGHT) {
    const idx = Math.floor(index / 2 ** level);
    const node = await db
      .selectFrom('log_nodes')
      .select('hash')
      .where('level', '=', level)
      .where('idx', '=', idx)
      .executeTakeFirst();
    const hash = completed[level] ?? new Uint8Array();
    if (node === undefined) tell(`node ${idx} of level ${level} is missing`);
    else if (Buffer.compare(node.hash, hash) !== 0)
      tell(`node ${idx} of level ${level} is not what its events make`);
  }
}

async function checkHead(
  db: Kysely<Database>,
  tree: Frontier,
  identity: LogIdentity,
  tell: Tell,
): Promise<void> {
  const head = await readHead(db);
  if (head === undefined) tell('the log has no checkpoint');
  const checkpoint = head && signed(head.checkpoint, identity, 'the checkpoint in the database', tell);
  if (checkpoint === undefined) return;
  const { size, root } = checkpoint;
  if (head?.size !== size) tell(`the log's head says ${head?.size} events, its checkpoint ${size}`);
  if (tree.size !== size) tell(`there are ${tree.size} events under a checkpoint over ${size}`);
  else if (Buffer.compare(tree.root(), root) !== 0)
    tell(`the ${size} events do not make the root that was signed`);
  const nodes = await db
    .selectFrom('log_nodes')
    .select((row) => row.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  const due = countNodes(size);
  if (Number(nodes.count) !== due)
    tell(`there are ${nodes.count} stored nodes where ${size} events make ${due}`);
}

function countNodes(size: number): number {
  const nodes = Math.floor(size / 2 ** TILE_HEIGHT);
  return nodes === 0 ? 0 : nodes + countNodes(nodes);
}

/** Leaves read at a time. */
const PAGE = 256;

async function* leaves(db: Kysely<Database>): AsyncGenerator<LogLeaf> {
  for (let next = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .selectFrom('log_leaves')
      .selectAll()
      .where('idx', '>=', next)
      .orderBy('idx')
      .limit(PAGE)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    next = last.idx + 1;
  }
}
