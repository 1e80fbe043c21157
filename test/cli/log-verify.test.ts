import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SERVER } from '../../protocol/events.ts';
import { ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { forkLog, meddled, rewriteLeaf } from './meddling.ts';
import { startWorld, type World } from './world.ts';

/** DESIGN section 6: the record cannot be changed quietly, not even by who has the server's keys. */

let world: World;
let engineer: Laptop;
let auditor: Laptop;

before(async () => {
  world = await startWorld();
  [engineer, auditor] = await Promise.all([
    world.enrolled('alice', 'engineer'),
    world.enrolled('carol', 'auditor'),
  ]);
  // More than two tiles, so that there is one above them.
  await world.server.services.commit(SERVER, async (tx) => {
    for (let count = 0; count < 520; count += 1) {
      await tx.append({ type: 'server.started', by: SERVER, version: `1.0.${count}` });
    }
  });
  for (const one of [engineer, auditor]) await ok(one.latchkey('whoami', '--json'));
});
after(() => world.stop());

const verify = async (who: Laptop) => {
  const { exit, stdout, stderr } = await who.latchkey('log', 'verify', '--json');
  return { exit, said: stdout === '' ? undefined : JSON.parse(stdout), stderr };
};

async function faultsOf(who: Laptop): Promise<string[]> {
  const { exit, said, stderr } = await verify(who);
  assert.equal(exit, 6, stderr);
  return said.faults.map(({ code }: { code: string }) => code);
}

async function refusalOf(who: Laptop): Promise<string> {
  const { exit, said, stderr } = await verify(who);
  assert.deepEqual([exit, said], [6, undefined]);
  return JSON.parse(stderr).error.code;
}

const leafAt = async (idx: number) => {
  const { leaf } = await world.server.store.read
    .selectFrom('log_leaves')
    .select('leaf')
    .where('idx', '=', idx)
    .executeTakeFirstOrThrow();
  return Buffer.from(leaf);
};
const redated = (leaf: Uint8Array) => Buffer.from(Buffer.from(leaf).toString().replace('"at":"2', '"at":"1'));

test('a whole log is proved: its hashes to anybody, its events to an auditor; and since when', async () => {
  const mine = (await verify(engineer)).said;
  assert.deepEqual([mine.faults, mine.entries, mine.size > 520], [[], false, true]);
  assert.ok(mine.unproved.some((line: string) => /only auditors and officers/.test(line)));
  assert.ok(mine.since.size < 520);
  assert.ok(mine.proved.some((line: string) => line.includes(`${mine.since.size} events that this home`)));
  const all = (await verify(auditor)).said;
  assert.deepEqual([all.faults, all.entries, all.root], [[], true, mine.root]);
});

test('an event rewritten in its row is found by who may read the events', async () => {
  const { server } = world;
  const leaf = redated(await leafAt(300));
  await meddled(
    server,
    () => rewriteLeaf(server, 300, leaf),
    async () => {
      assert.deepEqual(await faultsOf(auditor), ['entries-altered']);
      assert.equal((await verify(engineer)).exit, 0);
    },
  );
});

test('a hash changed in its row is found by anybody, also in the tiles above', async () => {
  const { server } = world;
  const hash = Buffer.alloc(32, 1);
  const leaves = () =>
    server.store.write.updateTable('log_leaves').set({ hash }).where('idx', '=', 3).execute();
  await meddled(server, leaves, async () =>
    assert.deepEqual(await faultsOf(engineer), ['tile-wrong', 'root-wrong']),
  );
  const nodes = () =>
    server.store.write.updateTable('log_nodes').set({ hash }).where('idx', '=', 1).execute();
  await meddled(server, nodes, async () => assert.deepEqual(await faultsOf(engineer), ['tile-wrong']));
});

test('a past rewritten and signed anew is found by every home that saw the one before', async () => {
  const { server } = world;
  const change = () =>
    forkLog(server, (rows) => rows.map((row) => (row.idx === 7 ? { ...row, leaf: redated(row.leaf) } : row)));
  await meddled(server, change, async () => {
    assert.equal(await refusalOf(engineer), 'log-forked');
    const grown = JSON.parse((await engineer.latchkey('whoami', '--json')).stderr).error.code;
    assert.equal(grown, 'log-forked');
  });
});

test('a log whose end was cut off and signed anew is found', async () => {
  const { server } = world;
  const cut = () => forkLog(server, (rows) => rows.slice(0, -1));
  await meddled(server, cut, async () => assert.equal(await refusalOf(auditor), 'log-shrunk'));
});

test('an event that is none is found, even by a home that has seen nothing before', async () => {
  const { server } = world;
  const change = () =>
    forkLog(server, (rows) =>
      rows.map((row) => (row.idx === 400 ? { ...row, leaf: Buffer.from('{"type":"nothing"}') } : row)),
    );
  await meddled(server, change, async () => {
    rmSync(join(auditor.dir, 'log.json'));
    assert.deepEqual(await faultsOf(auditor), ['entries-unknown']);
    rmSync(join(auditor.dir, 'log.json'));
  });
});

test('what is wrong everywhere is told fifty times and counted', async () => {
  const { server } = world;
  const all = () =>
    server.store.write
      .updateTable('log_leaves')
      .set({ leaf: Buffer.from('{}') })
      .execute();
  await meddled(server, all, async () => {
    const { said } = await verify(auditor);
    assert.deepEqual([said.faults.length, said.faults.length + said.more], [50, said.size]);
  });
});
