import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCheckpoint } from '../../../protocol/checkpoint.ts';
import {
  consistencyProof,
  leafHash,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from '../../../protocol/merkle.ts';
import { decodeEntries, hashTiles, overTiles, type Tile } from '../../../protocol/tiles.ts';
import { append, LogBench, ORIGIN, revealed, START, UNLOCK } from './bench.ts';

test('the whole tree can be rebuilt from tiles and bundles alone (C2SP tlog-tiles)', async (t) => {
  const bench = new LogBench(t);
  const { log, reader, close } = await bench.open();
  await append(log, 600);
  const { size, root } = openCheckpoint(await reader.checkpoint(), ORIGIN, [bench.signer]);
  const tiles = new Map<string, Uint8Array>();
  for (const tile of hashTiles(size)) tiles.set(`${tile.level}/${tile.index}`, await bytesOf(tile));
  const rebuilt = await overTiles(
    async (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array(),
    (hashes) => rootHash(size, hashes),
  );
  assert.deepEqual(Buffer.from(rebuilt), Buffer.from(root));
  for (const [index, width] of [256, 256, 88].entries()) {
    const leaves = decodeEntries(await bytesOf({ level: 'entries', index, width })) ?? [];
    const hashes = Buffer.concat(leaves.map(leafHash));
    assert.deepEqual(hashes, Buffer.from(tiles.get(`0/${index}`) ?? []));
  }
  await close();

  async function bytesOf(tile: Tile): Promise<Uint8Array> {
    return (await reader.tile(tile)) ?? assert.fail(`no tile ${tile.level}/${tile.index}`);
  }
});

test('a tile is served as wide as the checkpoint’s tree fills it, and no wider', async (t) => {
  const { log, reader, close } = await new LogBench(t).open();
  await append(log, 258);
  assert.equal((await reader.tile({ level: 0, index: 0, width: 256 }))?.length, 8192);
  assert.equal((await reader.tile({ level: 0, index: 0, width: 7 }))?.length, 224);
  assert.equal((await reader.tile({ level: 0, index: 1, width: 2 }))?.length, 64);
  assert.equal((await reader.tile({ level: 1, index: 0, width: 1 }))?.length, 32);
  for (const [level, index, width] of [
    [0, 1, 3],
    [0, 1, 256],
    [0, 2, 1],
    [1, 0, 2],
    [1, 1, 1],
    [2, 0, 1],
    [63, 0, 1],
    ['entries', 1, 3],
  ] as const) {
    assert.equal(await reader.tile({ level, index, width }), undefined, `${level}/${index}.p/${width}`);
  }
  await close();
});

test('leaves are proved under one checkpoint, and it is proved to have grown from any older one', async (t) => {
  const bench = new LogBench(t);
  const { log, reader, close } = await bench.open();
  await append(log, 260);
  const old = openCheckpoint(await reader.checkpoint(), ORIGIN, [bench.signer]);
  await append(log, 260);
  const { checkpoint, leaves } = await reader.prove([519, 0, 255, 256]);
  const { size, root } = openCheckpoint(checkpoint, ORIGIN, [bench.signer]);
  assert.deepEqual(
    leaves.map(({ index }) => index),
    [519, 0, 255, 256],
  );
  for (const { index, leaf, proof } of leaves) {
    assert.ok(verifyInclusion({ leafHash: leafHash(leaf), index, size, proof, root }));
  }
  const { proof } = await reader.consistency(old.size);
  assert.ok(verifyConsistency({ oldSize: old.size, oldRoot: old.root, newSize: size, newRoot: root, proof }));
  assert.deepEqual((await reader.prove([])).leaves, []);
  await assert.rejects(reader.prove([520]), { code: 'not-found' });
  for (const never of [0, 521])
    await assert.rejects(reader.consistency(never), { code: 'range-not-satisfiable' });
  await close();
});

test('a client proves growth from the open tiles alone', async (t) => {
  const bench = new LogBench(t);
  const { log, reader, close } = await bench.open();
  await append(log, 300);
  const old = openCheckpoint(await reader.checkpoint(), ORIGIN, [bench.signer]);
  await append(log, 300);
  const { size, root } = openCheckpoint(await reader.checkpoint(), ORIGIN, [bench.signer]);
  const widths = new Map([...hashTiles(size)].map((tile) => [`${tile.level}/${tile.index}`, tile.width]));
  const proof = await overTiles(
    async (level, index) => {
      const width = widths.get(`${level}/${index}`) ?? 0;
      return (await reader.tile({ level, index, width })) ?? new Uint8Array();
    },
    (hashes) => consistencyProof(old.size, size, hashes),
  );
  assert.ok(verifyConsistency({ oldSize: old.size, oldRoot: old.root, newSize: size, newRoot: root, proof }));
  await close();
});

test('events are found by type, module, unlock, principal and time, page by page', async (t) => {
  const { log, reader, close } = await new LogBench(t).open();
  await log.commit(async (tx) => {
    for (let place = 0; place < 10; place += 1) await tx.append(revealed(place, place % 2 ? 'bob' : 'alice'));
    await tx.append({ type: 'module.seq-reset', by: 'olga', hwid: 'MODULE-0002' });
    await tx.append({ ...receipt, event: 'closed', seq: 10 });
    await tx.append({ ...receipt, event: 'provisioned', seq: 1 });
  });
  const found = async (query: object) =>
    (await reader.search({ limit: 100, ...query })).items.map(({ index }) => index);
  assert.deepEqual(await found({ type: 'module.seq-reset' }), [10]);
  assert.deepEqual(await found({ hwid: 'MODULE-0002' }), [10, 11, 12]);
  assert.deepEqual(await found({ by: 'bob' }), [1, 3, 5, 7, 9]);
  // A receipt's jti is its unlock's id, except where it is the bundle's.
  assert.deepEqual(await found({ unlock: UNLOCK }), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
  const second = (seconds: number) => new Date(START + seconds * 1000).toISOString();
  assert.deepEqual(await found({ from: second(3), to: second(5) }), [2, 3]);
  assert.deepEqual(await found({ by: 'bob', newestFirst: true, after: 7 }), [5, 3, 1]);

  assert.deepEqual((await reader.search({ limit: 2, by: 'bob' })).next, 3);
  assert.deepEqual(await found({ limit: 2, by: 'bob', after: 3 }), [5, 7]);
  assert.deepEqual((await reader.search({ limit: 2, by: 'bob', after: 5 })).next, null);
  await close();
});

test('who may see only their own sees what they did, and what became of their unlocks', async (t) => {
  const { log, reader, close } = await new LogBench(t).open();
  await log.commit(async (tx) => {
    await tx.db
      .insertInto('principals')
      .values({ ...idempotent, name: 'alice', kind: 'person', roles: '[]', state: 'enabled', created: '' })
      .execute();
    await tx.db.insertInto('modules').values(module).execute();
    await tx.db.insertInto('unlocks').values(unlock).execute();
    await tx.append(revealed(1, 'olga'));
    await tx.append({ type: 'module.seq-reset', by: 'olga', hwid: 'MODULE-0001' });
    await tx.append({ type: 'module.seq-reset', by: 'alice', hwid: 'MODULE-0002' });
    await tx.append({ ...receipt, event: 'opened', seq: 9 });
  });
  const seen = async (visibleTo: string) =>
    (await reader.search({ limit: 100, visibleTo })).items.map(({ index }) => index);
  assert.deepEqual(await seen('alice'), [0, 2, 3]);
  assert.deepEqual(await seen('olga'), [0, 1, 3]);
  assert.deepEqual(await seen('bob'), []);
  await close();
});

const receipt = {
  type: 'receipt.accepted',
  by: 'olga',
  hwid: 'MODULE-0002',
  jti: UNLOCK,
  why: null,
  elapsed: 0,
  pwv: 1,
  dig: 'A'.repeat(43),
  state: null,
} as const;
const idempotent = { idem_by: 'olga', idem_key: 'k', idem_digest: 'd' };
const module = {
  hwid: 'MODULE-0001',
  imei: null,
  order: null,
  dkt: 'd',
  x: '',
  y: '',
  state: 'confirmed',
  foreign_token: null,
  cleared_token: null,
  suspected: null,
  granted_seq: 0,
  pwv: null,
  pwv_seq: 0,
  bundle_jti: '',
  sealed_bundle: Buffer.alloc(1),
  bundle_digest: '',
  registered: '',
  registered_by: 'olga',
  confirmed: null,
} as const;
const unlock = {
  ...idempotent,
  id: UNLOCK,
  hwid: 'MODULE-0001',
  requester: 'alice',
  scope: 'console',
  seconds: 900,
  reason: 'r',
  ticket: null,
  digest: '',
  approvals: 0,
  state: 'open',
  created: '',
  deadline: '',
  issued: null,
  granted: null,
  opened: null,
  closed: null,
  why: null,
  elapsed: null,
} as const;
