import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { pino } from 'pino';
import { openCheckpoint } from '../../../protocol/checkpoint.ts';
import type { NewEvent } from '../../../protocol/events.ts';
import { leafHash, verifyInclusion } from '../../../protocol/merkle.ts';
import { Problem } from '../../../protocol/problems.ts';
import type { Tx } from '../../../server/log/log.ts';
import { openLog } from '../../../server/log/open.ts';
import type { Database } from '../../../server/store/schema.ts';
import { append, LogBench, ORIGIN, revealed, START } from './bench.ts';

test('a commit answers with what fn gave, and where its event stands under a signed checkpoint', async (t) => {
  const bench = new LogBench(t);
  const { log, reader, close } = await bench.open();
  await append(log, 4);
  const { value, log: position } = await log.commit(async (tx) => {
    assert.equal(await tx.append(revealed(7)), 4);
    return 'granted';
  });
  assert.equal(value, 'granted');
  assert.deepEqual(position, { index: 4, size: 5 });

  const { checkpoint, leaves } = await reader.prove([4]);
  const { size, root } = openCheckpoint(checkpoint, ORIGIN, [bench.signer]);
  const [{ leaf, proof } = { leaf: new Uint8Array(), proof: [] }] = leaves;
  assert.ok(verifyInclusion({ leafHash: leafHash(leaf), index: 4, size, proof, root }));
  const at = new Date(START + 5000).toISOString();
  assert.deepEqual(JSON.parse(Buffer.from(leaf).toString()), { ...revealed(7), at });
  await close();
});

test('what is pending together goes into one transaction, in the order of the calls', async (t) => {
  const { log, close } = await new LogBench(t).open();
  const committed = await Promise.all(
    Array.from({ length: 20 }, (_, place) => log.commit((tx) => tx.append(revealed(place)))),
  );
  assert.deepEqual(
    committed.map(({ value }) => value),
    Array.from({ length: 20 }, (_, place) => place),
  );
  // One checkpoint covers all of them: nobody's tree is smaller.
  assert.ok(committed.every(({ log: position }) => position?.size === 20));
  await close();
});

test('a function that throws undoes what it wrote and appended, and nobody else’s', async (t) => {
  const { log, store, reader, close } = await new LogBench(t).open();
  const failure = new Problem('unlock-state', 'no');
  const [first, thrown, last] = await Promise.allSettled([
    log.commit(async (tx) => {
      await addKey(tx, 'a');
      return await tx.append(revealed(1));
    }),
    log.commit(async (tx) => {
      await addKey(tx, 'b');
      await tx.append(revealed(2));
      throw failure;
    }),
    log.commit(async (tx) => {
      await addKey(tx, 'c');
      return await tx.append(revealed(3));
    }),
  ]);
  assert.deepEqual(first, { status: 'fulfilled', value: { value: 0, log: { index: 0, size: 2 } } });
  assert.deepEqual(thrown, { status: 'rejected', reason: failure });
  assert.deepEqual(last, { status: 'fulfilled', value: { value: 1, log: { index: 1, size: 2 } } });
  const keys = await store.read.selectFrom('data_keys').select('id').orderBy('id').execute();
  assert.deepEqual(
    keys.map(({ id }) => id),
    ['a', 'c'],
  );
  const { items } = await reader.search({ limit: 10 });
  assert.deepEqual(
    items.map(({ event }) => 'ver' in event && event.ver),
    [1, 3],
  );
  await close();
});

test('a broken constraint is its caller’s error alone', async (t) => {
  const { log, close } = await new LogBench(t).open();
  await log.commit((tx) => addKey(tx, 'a'));
  const [repeat, other] = await Promise.allSettled([
    log.commit((tx) => addKey(tx, 'a')),
    log.commit((tx) => tx.append(revealed(1))),
  ]);
  assert.ok(repeat.status === 'rejected' && String(repeat.reason).includes('UNIQUE'));
  assert.equal(other.status, 'fulfilled');
  assert.ok(log.available);
  await close();
});

test('an event that is not of the closed list is refused, and leaves no gap', async (t) => {
  const { log, close } = await new LogBench(t).open();
  const strange: NewEvent = Object.assign(revealed(1), { secret: 'x' });
  await assert.rejects(
    log.commit((tx) => tx.append(strange)),
    TypeError,
  );
  assert.deepEqual((await log.commit((tx) => tx.append(revealed(1)))).log, { index: 0, size: 1 });
  await close();
});

test('a commit without events has no position and signs no new checkpoint', async (t) => {
  const { log, reader, close } = await new LogBench(t).open();
  await append(log, 1);
  const before = await reader.checkpoint();
  assert.equal((await log.commit((tx) => addKey(tx, 'a'))).log, null);
  assert.equal(await reader.checkpoint(), before);
  await close();
});

test('readers see neither state nor event before the checkpoint over them is committed (order rule 1)', async (t) => {
  const { log, store, reader, close } = await new LogBench(t).open();
  await log.commit(async (tx) => {
    await addKey(tx, 'a');
    await tx.append(revealed(1));
    assert.deepEqual(await store.read.selectFrom('data_keys').select('id').execute(), []);
    assert.deepEqual((await reader.search({ limit: 1 })).items, []);
  });
  assert.equal((await store.read.selectFrom('data_keys').select('id').execute()).length, 1);
  assert.equal((await reader.search({ limit: 1 })).items.length, 1);
  await close();
});

test('appending after the function has ended is refused', async (t) => {
  const { log, close } = await new LogBench(t).open();
  const { value: tx } = await log.commit(async (tx) => tx);
  await assert.rejects(tx.append(revealed(1)), /outside its transaction/);
  await close();
});

test('on a full disk nothing is granted, and it goes on by itself when there is room (order rule 3)', async (t) => {
  const { log, store, reader, close } = await new LogBench(t).open();
  await append(log, 3);
  await limitPages(store.write, true);
  const jobs = Array.from({ length: 3 }, () => log.commit((tx) => fill(tx)));
  for (const outcome of await Promise.allSettled(jobs)) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof Problem);
    assert.equal(outcome.reason.code, 'log-unavailable');
  }
  assert.equal(log.available, false);
  assert.equal((await reader.search({ limit: 500 })).items.length, 3);
  await limitPages(store.write, false);
  assert.deepEqual((await log.commit((tx) => tx.append(revealed(1)))).log, { index: 3, size: 4 });
  assert.equal(log.available, true);
  await close();
});

test('a function that swallows the disk’s error still grants nothing', async (t) => {
  const { log, store, close } = await new LogBench(t).open();
  await limitPages(store.write, true);
  const swallowed = log.commit((tx) => fill(tx).catch(() => 'granted'));
  await assert.rejects(swallowed, { code: 'log-unavailable' });
  await limitPages(store.write, false);
  await close();
});

test('an error of the disk in one function fails everybody in its transaction', async (t) => {
  const bench = new LogBench(t);
  const { store, reader, close } = await bench.open();
  const fault = new Error('disk I/O error');
  const log = await openLog({
    ...{ signer: bench.signer, verifiers: [bench.signer], clock: () => new Date(), copy: bench.copy },
    ...{
      store: { ...store, isFault: (error: unknown) => error === fault },
      diagnostics: pino({ level: 'silent' }),
    },
  });
  const jobs = [log.commit((tx) => tx.append(revealed(1))), log.commit(() => Promise.reject(fault))];
  for (const outcome of await Promise.allSettled(jobs)) {
    assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'log-unavailable');
    assert.equal(outcome.reason.cause, fault);
  }
  assert.deepEqual((await reader.search({ limit: 1 })).items, []);
  await log.close();
  await close();
});

test('when COMMIT fails, everything in it fails and the tree is read again from disk', async (t) => {
  const bench = new LogBench(t);
  const { log, store, reader, close } = await bench.open();
  await append(log, 300);
  const [first, second] = await Promise.allSettled([
    log.commit((tx) => tx.append(revealed(1))),
    log.commit(async (tx) => {
      await tx.append(revealed(2));
      // A violation that SQLite finds at COMMIT and not before.
      await sql`pragma defer_foreign_keys = on`.execute(tx.db);
      await tx.db
        .insertInto('passwords')
        .values({ hwid: 'NOBODY-01', ver: 1, sealed: Buffer.alloc(1), hash: '', created: '', revealed: null })
        .execute();
    }),
  ]);
  for (const outcome of [first, second]) {
    assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'log-unavailable');
  }
  assert.equal((await store.read.selectFrom('passwords').select('ver').execute()).length, 0);
  // Read again and checked: a disk that failed once may have lost what it held.
  const edge = store.write.updateTable('log_leaves').where('idx', '=', 299);
  const { hash } = await store.read
    .selectFrom('log_leaves')
    .select('hash')
    .where('idx', '=', 299)
    .executeTakeFirstOrThrow();
  await edge.set({ hash: Buffer.alloc(32) }).execute();
  await assert.rejects(append(log, 1), { code: 'log-unavailable' });
  await edge.set({ hash }).execute();
  assert.deepEqual((await log.commit((tx) => tx.append(revealed(3)))).log, { index: 300, size: 301 });
  const { checkpoint, leaves } = await reader.prove([300]);
  const { size, root } = openCheckpoint(checkpoint, ORIGIN, [bench.signer]);
  for (const { index, leaf, proof } of leaves) {
    assert.ok(verifyInclusion({ leafHash: leafHash(leaf), index, size, proof, root }));
  }
  await close();
});

test('two processes on one database add to one tree', async (t) => {
  const bench = new LogBench(t);
  const server = await bench.open();
  await append(server.log, 2);
  const init = await bench.open();
  assert.deepEqual((await init.log.commit((tx) => tx.append(revealed(1)))).log, { index: 2, size: 3 });
  assert.deepEqual((await server.log.commit((tx) => tx.append(revealed(2)))).log, { index: 3, size: 4 });
  await init.close();
  await server.close();
  await (await bench.open()).close();
});

test('listeners hear of committed events only, and one that throws harms nobody', async (t) => {
  const { log, close } = await new LogBench(t).open();
  const heard: NewEvent[][] = [];
  log.onCommit(() => {
    throw new Error('listener');
  });
  const off = log.onCommit((events) => heard.push([...events]));
  await Promise.allSettled([
    log.commit((tx) => tx.append(revealed(1))),
    log.commit(async (tx) => {
      await tx.append(revealed(2));
      throw new Error('undone');
    }),
  ]);
  await log.commit((tx) => addKey(tx, 'a'));
  off();
  await log.commit((tx) => tx.append(revealed(3)));
  assert.deepEqual(heard, [[revealed(1)]]);
  await close();
});

test('close answers what is pending, refuses the rest, and leaves the newest checkpoint’s copy', async (t) => {
  const bench = new LogBench(t);
  const { log, store, reader } = await bench.open();
  const pending = log.commit((tx) => tx.append(revealed(1)));
  const closed = log.close();
  await assert.rejects(
    log.commit((tx) => tx.append(revealed(2))),
    { code: 'shutting-down' },
  );
  await closed;
  assert.deepEqual((await pending).log, { index: 0, size: 1 });
  assert.equal(readFileSync(bench.copy, 'utf8'), await reader.checkpoint());
  await store.close();
});

async function addKey(tx: Tx, id: string): Promise<void> {
  await tx.db
    .insertInto('data_keys')
    .values({ id, wrapped: Buffer.alloc(1), created: '', uses: 0 })
    .execute();
}

async function fill(tx: Tx): Promise<string> {
  for (let place = 0; place < 300; place += 1) await tx.append(revealed(place));
  return 'granted';
}

/** SQLite's own way to a full disk: no page more than the database has now. */
async function limitPages(db: Kysely<Database>, full: boolean): Promise<void> {
  await sql`pragma max_page_count = ${sql.raw(full ? '1' : '1000000')}`.execute(db);
}
