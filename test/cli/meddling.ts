import { logOrigin, signCheckpoint } from '../../protocol/checkpoint.ts';
import { Frontier } from '../../protocol/frontier.ts';
import { keyObject } from '../../protocol/jwk.ts';
import { leafHash } from '../../protocol/merkle.ts';
import { noteVerifier } from '../../protocol/note.ts';
import type { LogLeaf } from '../../server/store/schema.ts';
import type { TestServer } from '../fixture/server.ts';

/** Runs `work` over a log that somebody with the database has meddled with, and puts it back afterwards. */
export async function meddled(
  { store }: TestServer,
  meddle: () => Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> {
  const leaves = await store.read.selectFrom('log_leaves').selectAll().execute();
  const nodes = await store.read.selectFrom('log_nodes').selectAll().execute();
  const head = await store.read.selectFrom('log_head').selectAll().execute();
  try {
    await meddle();
    await work();
  } finally {
    for (const table of ['log_leaves', 'log_nodes', 'log_head'] as const) {
      await store.write.deleteFrom(table).execute();
    }
    for (const row of leaves) await store.write.insertInto('log_leaves').values(row).execute();
    for (const row of nodes) await store.write.insertInto('log_nodes').values(row).execute();
    for (const row of head) await store.write.insertInto('log_head').values(row).execute();
  }
}

/** Rewrites the leaf of one event, and nothing else. */
export async function rewriteLeaf({ store }: TestServer, idx: number, leaf: Uint8Array): Promise<void> {
  await store.write.updateTable('log_leaves').set({ leaf }).where('idx', '=', idx).execute();
}

/**
 * Makes a log of other leaves, all hashed and signed anew: what a server can do that has its own key
 * and no scruples.
 */
export async function forkLog(
  { store, keys: { keys } }: TestServer,
  change: (leaves: LogLeaf[]) => LogLeaf[],
): Promise<void> {
  const leaves = await store.read.selectFrom('log_leaves').selectAll().orderBy('idx').execute();
  await store.write.deleteFrom('log_leaves').execute();
  await store.write.deleteFrom('log_nodes').execute();
  const frontier = new Frontier();
  for (const [idx, row] of change(leaves).entries()) {
    const hash = leafHash(row.leaf);
    await store.write
      .insertInto('log_leaves')
      .values({ ...row, idx, hash })
      .execute();
    for (const [level, node] of frontier.append(hash).entries()) {
      if (level === 0 || level % 8 !== 0) continue;
      const place = { level, idx: Math.floor(idx / 2 ** level) };
      await store.write
        .insertInto('log_nodes')
        .values({ ...place, hash: node })
        .execute();
    }
  }
  const signer = { ...noteVerifier(logOrigin(keys.iss), keyObject(keys.log.jwk)), sign: keys.log.sign };
  const checkpoint = await signCheckpoint(frontier.size, frontier.root(), signer);
  await store.write.updateTable('log_head').set({ size: frontier.size, checkpoint }).execute();
}
