import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateRsa } from '../../keys/material.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** DESIGN section 6: what happened can be shown, to the engineer, to an auditor, and offline years later. */

const HWID = 'LTE4-00A1B2C3D4E5';

let world: World;
let engineer: Laptop;
let auditor: Laptop;
let file: string;
let id: string;

before(async () => {
  world = await startWorld();
  engineer = await world.enrolled('alice', 'engineer');
  auditor = await world.enrolled('carol', 'auditor');
  const station = await world.enrolled('line-1', 'station');
  const { atPath } = await world.module(HWID);
  const at = ['--port', atPath, '--json'];
  await ok(station.latchkey('provision', ...at));
  const unlock = async (reason: string) => {
    const { unlock: one } = await ok(engineer.latchkey('unlock', ...at, '--hwid', HWID, '--reason', reason));
    await ok(engineer.latchkey('lock', ...at));
    return one.id;
  };
  await unlock('the one before');
  id = await unlock('drops off the bus');
  file = join(engineer.dir, 'unlock.bundle');
  await ok(engineer.latchkey('bundle', id, '--out', file, '--json'));
});
after(() => world.stop());

test('a bundle proves request, token, receipts and state, and says what it cannot prove', async () => {
  const { holds, proved, unproved } = await ok(engineer.latchkey('verify', file, '--json'));
  assert.equal(holds, true);
  for (const words of [
    /alice asked for console of LTE4/,
    /device key .* is the one/,
    /issuer key that it knew answered/,
  ]) {
    assert.ok(
      proved.some((line: string) => words.test(line)),
      String(words),
    );
  }
  assert.ok(proved.some((line: string) => /the module says, .*: opened/.test(line)));
  assert.ok(proved.some((line: string) => /the module says, .*: closed \(lock\)/.test(line)));
  assert.ok(unproved.length >= 3);
});

test('a bundle is checked without a home, from root keys in files', async () => {
  const root = join(engineer.dir, 'roots.json');
  writeFileSync(root, JSON.stringify({ keys: world.server.keys.keys.roots }));
  const stranger = laptop();
  await ok(stranger.latchkey('verify', file, '--root', root, '--json'));
  await fails(stranger.latchkey('verify', file, '--json'), 2, 'not-enrolled');
  writeFileSync(root, JSON.stringify(rsaJwk(await generateRsa(4096))));
  assert.deepEqual(await findingsOf(stranger.latchkey('verify', file, '--root', root, '--json')), [
    'manifest',
  ]);
  stranger.remove();
});

/** The checks themselves, one fault each, are held to in test/protocol/unlock-bundle.test.ts. */
test('a bundle with a byte changed is refused, and every fault is named', async () => {
  const changed = join(engineer.dir, 'changed.bundle');
  writeFileSync(changed, readFileSync(file, 'utf8').replace(/"receipts":\["[^"]+",/, '"receipts":['));
  assert.deepEqual(await findingsOf(engineer.latchkey('verify', changed, '--json')), ['receipt']);
  writeFileSync(changed, ` ${readFileSync(file, 'utf8')}`);
  assert.deepEqual(await findingsOf(engineer.latchkey('verify', changed, '--json')), ['form']);
});

test('the log is read whole and recomputed: its hashes by anybody, its events by an auditor', async () => {
  const mine = await ok(engineer.latchkey('log', 'verify', '--json'));
  assert.deepEqual([mine.faults, mine.entries], [[], false]);
  const all = await ok(auditor.latchkey('log', 'verify', '--json'));
  assert.deepEqual([all.faults, all.entries], [[], true]);
  assert.ok(all.proved.some((line: string) => /each of the \d+ events is the leaf/.test(line)));
});

test('an event rewritten behind the log’s back is found by log verify', async () => {
  const { store } = world.server;
  const before = await store.read
    .selectFrom('log_leaves')
    .select('leaf')
    .where('idx', '=', 3)
    .executeTakeFirstOrThrow();
  const set = (leaf: Uint8Array) =>
    store.write.updateTable('log_leaves').set({ leaf }).where('idx', '=', 3).execute();
  await set(Buffer.from(Buffer.from(before.leaf).toString().replace('"at":"2', '"at":"1')));
  const faults = await faultsOf(auditor.latchkey('log', 'verify', '--json'));
  await set(before.leaf);
  assert.deepEqual(faults, ['entries-altered']);
});

test('events: an engineer’s own, an auditor’s all; one of them with its proof', async () => {
  const mine = await ok(engineer.latchkey('events', 'list', '--unlock', id, '--oldest', '--json'));
  const types = mine.items.map(({ event }: { event: { type: string } }) => event.type);
  assert.deepEqual(types, ['unlock.requested', 'unlock.issued', 'receipt.accepted', 'receipt.accepted']);
  const all = await ok(auditor.latchkey('events', 'list', '--limit', '500', '--json'));
  assert.ok(all.items.length > mine.items.length);
  const shown = await ok(engineer.latchkey('events', 'show', String(mine.items[0].index), '--json'));
  assert.equal(shown.event.reason, 'drops off the bus');
  await fails(engineer.latchkey('events', 'show', '0', '--json'), 3, 'not-found');
});

type Refused = Promise<{ exit: number; stdout: string; stderr: string }>;

async function refusal(ran: Refused) {
  const { exit, stdout, stderr } = await ran;
  assert.equal(exit, 6, stderr);
  return JSON.parse(stdout);
}

async function faultsOf(ran: Refused): Promise<string[]> {
  return (await refusal(ran)).faults.map(({ code }: { code: string }) => code);
}

async function findingsOf(ran: Refused): Promise<string[]> {
  return [...new Set<string>((await refusal(ran)).findings.map(({ check }: { check: string }) => check))];
}
