import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { openCheckpoint } from '../../../protocol/checkpoint.ts';
import { EMPTY_ROOT } from '../../../protocol/merkle.ts';
import { LogBench, noteSigner, ORIGIN, revealed } from './bench.ts';

/** DESIGN section 6: start refuses a tree that is behind its copied checkpoint or inconsistent with it. */

test('a new log has a signed checkpoint over nothing', async (t) => {
  const bench = new LogBench(t);
  const { reader, close } = await bench.open();
  const { size, root } = openCheckpoint(await reader.checkpoint(), ORIGIN, [bench.signer]);
  assert.equal(size, 0);
  assert.deepEqual(root, new Uint8Array(EMPTY_ROOT));
  await close();
});

for (const size of [1, 255, 256, 257, 700]) {
  test(`a log of ${size} events goes on where it was closed`, async (t) => {
    const bench = new LogBench(t);
    await bench.grow(size);
    const { log, close } = await bench.open();
    assert.deepEqual((await log.commit((tx) => tx.append(revealed(1)))).log, { index: size, size: size + 1 });
    await close();
    await (await bench.open()).close();
  });
}

test('a lost copy is made again; what a killed writer left half written beside it goes', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(3);
  const copy = readFileSync(bench.copy, 'utf8');
  rmSync(bench.copy);
  writeFileSync(`${bench.copy}.new-1`, copy.slice(0, 10));
  await (await bench.open()).close();
  assert.equal(readFileSync(bench.copy, 'utf8'), copy);
  assert.deepEqual(readdirSync(dirname(bench.copy)).sort(), ['checkpoint', 'latchkey.db']);
});

test('a copy that lags behind the database is how crashes leave it, and no fault', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(300);
  bench.save('earlier');
  await bench.grow(300);
  bench.restore('earlier', 'checkpoint');
  await (await bench.open()).close();
});

test('an older copy of the database is refused', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(300);
  bench.save('earlier');
  await bench.grow(1);
  bench.restore('earlier', 'latchkey.db');
  await assert.rejects(bench.open(), /holds 300 events, but a checkpoint over 301 was signed/);
});

test('a database begun anew is refused, before it signs anything', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(2);
  rmSync(bench.file);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(bench.open(), /the database is empty, but a checkpoint was signed/);
  }
});

test('another history under the same key is refused, though it is longer', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(3);
  bench.save('shown');
  rmSync(bench.file);
  rmSync(bench.copy);
  await bench.grow(9);
  bench.restore('shown', 'checkpoint');
  await assert.rejects(bench.open(), /the first 3 events are not those that were signed before/);
});

test('a cut tail is refused, with or without the head cut to match', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(299);
  bench.save('earlier');
  await bench.grow(1);
  await bench.meddle(({ write }) => write.deleteFrom('log_leaves').where('idx', '=', 299).execute());
  await assert.rejects(bench.open(), /hashes of the tree are missing/);
  const head = await earlierHead(bench);
  await bench.meddle(({ write }) => write.updateTable('log_head').set(head).execute());
  await assert.rejects(bench.open(), /holds 299 events, but a checkpoint over 300 was signed/);
});

test('an edited, swapped, added or re-hashed leaf in the last tile is refused', async (t) => {
  const changes: [string, string, RegExp][] = [
    [
      'edited',
      'update log_leaves set leaf = (select leaf from log_leaves where idx = 0) where idx = 299',
      /leaf 299/,
    ],
    ['re-hashed', 'update log_leaves set hash = zeroblob(32) where idx = 298', /do not make the root/],
    ['short', 'update log_leaves set hash = zeroblob(31) where idx = 299', /missing|do not make the root/],
    [
      'added',
      'insert into log_leaves select 300, hash, leaf, type, at, "by", hwid, "unlock" from log_leaves where idx = 1',
      /301 leaves under a checkpoint of 300/,
    ],
    [
      'swapped',
      'update log_leaves set (hash, leaf) = (select other.hash, other.leaf from log_leaves other where other.idx = 597 - log_leaves.idx) where idx in (298, 299)',
      /do not make the root/,
    ],
    ['node', 'update log_nodes set hash = zeroblob(32)', /do not make the root/],
  ];
  for (const [name, statement, message] of changes) {
    const bench = new LogBench(t);
    await bench.grow(300);
    await bench.meddle(({ write }) => sql.raw(statement).execute(write));
    await assert.rejects(bench.open(), message, name);
  }
});

test('a checkpoint that is forged, unsigned or of a stranger’s key is refused', async (t) => {
  const bench = new LogBench(t);
  await bench.grow(2);
  await assert.rejects(bench.open(noteSigner()), /the checkpoint in the database is not this log's/);
  const copy = readFileSync(bench.copy, 'utf8');
  writeFileSync(bench.copy, copy.replace('\n2\n', '\n1\n'));
  await assert.rejects(bench.open(), /the copy of the checkpoint is not this log's/);
  writeFileSync(bench.copy, copy);
  await bench.meddle(({ write }) => write.updateTable('log_head').set({ size: 1 }).execute());
  await assert.rejects(bench.open(), /do not make the root/);
});

async function earlierHead(bench: LogBench): Promise<{ size: number; checkpoint: string }> {
  const checkpoint = readFileSync(`${bench.dir}/earlier/checkpoint`, 'utf8');
  return { size: 299, checkpoint };
}
