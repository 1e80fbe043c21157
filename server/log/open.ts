import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import { signCheckpoint } from '../../protocol/checkpoint.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { EMPTY_ROOT } from '../../protocol/merkle.ts';
import type { NoteSigner, NoteVerifier } from '../../protocol/note.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { Committer } from './commit.ts';
import { CheckpointCopy, readCopy } from './copy.ts';
import type { Log } from './log.ts';
import {
  checkEdge,
  checkGrown,
  LogDamaged,
  type LogIdentity,
  loadTree,
  readCheckpoint,
  type Tree,
} from './tree.ts';

export interface LogOptions {
  readonly store: Store;
  /** The log key under the log's origin. */
  readonly signer: NoteSigner;
  /** Every key that may have signed the stored checkpoints: those that the key manifests name. */
  readonly verifiers: readonly NoteVerifier[];
  readonly clock: () => Date;
  /** File that a copy of the newest checkpoint is kept in, outside the database. */
  readonly copy: string;
  readonly diagnostics: Logger;
}

/**
 * Opens the log for writing, after checking that the database holds the tree that was left.
 * @throws LogDamaged where it does not: `latchkey-server check` then says where
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { store, signer, verifiers, clock, diagnostics } = options;
  const identity: LogIdentity = { origin: signer.name, verifiers };
  const copy = new CheckpointCopy(options.copy, diagnostics);
  const tree = await verifiedTree(store.read, identity, readCopy(options.copy));
  const current = tree ?? (await startTree(store, signer));
  copy.offer(current.checkpoint);
  return new Committer({ store, signer, verifiers, clock, copy, diagnostics }, current);
}

/**
 * The tree under the stored checkpoint, after checking that it is the copy's, grown.
 * @param copy the copy of the checkpoint, where there is one
 * @returns undefined for a log that has no checkpoint yet
 * @throws LogDamaged
 */
export async function verifiedTree(
  read: Kysely<Database>,
  identity: LogIdentity,
  copy: string | undefined,
): Promise<Tree | undefined> {
  const tree = await loadTree(read, identity);
  const size = tree?.frontier.size ?? 0;
  await checkEdge(read, size);
  if (copy !== undefined) {
    const earlier = readCheckpoint(copy, identity, 'the copy of the checkpoint');
    if (tree === undefined) throw new LogDamaged('the database is empty, but a checkpoint was signed');
    await checkGrown(read, size, earlier);
  }
  return tree;
}

/** An empty log has a checkpoint too, so that there is always one to answer with. */
async function startTree(store: Store, signer: NoteSigner): Promise<Tree> {
  const checkpoint = await signCheckpoint(0, EMPTY_ROOT, signer);
  await store.write.insertInto('log_head').values({ id: 1, size: 0, checkpoint }).execute();
  return { frontier: new Frontier(), checkpoint };
}
