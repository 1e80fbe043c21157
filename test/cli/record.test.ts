import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateRsa } from '../../keys/material.ts';
import { keyObject, rsaJwk } from '../../protocol/jwk.ts';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop } from './laptop.ts';
import { forkLog, meddled } from './meddling.ts';
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
  await ok(station.latchkey('provision', ...at, '--order', 'A-7731'));
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
  const [signer] = world.server.keys.keys.roots;
  writeFileSync(root, keyObject(signer).export({ type: 'spki', format: 'pem' }));
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

test('a bundle is written once, for its owner, and only after it was proved', async () => {
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const before = readFileSync(file);
  await fails(engineer.latchkey('bundle', id, '--out', file, '--json'), 2, 'file-exists');
  assert.deepEqual(readFileSync(file), before);
  const { store } = world.server;
  const { jws } = await store.read
    .selectFrom('receipts')
    .select('jws')
    .where('jti', '=', id)
    .where('event', '=', 'closed')
    .executeTakeFirstOrThrow();
  const set = (value: string) =>
    store.write
      .updateTable('receipts')
      .set({ jws: value })
      .where('jti', '=', id)
      .where('event', '=', 'closed')
      .execute();
  const fresh = join(engineer.dir, 'fresh.bundle');
  await set(jws.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')));
  const { findings } = await fails(
    engineer.latchkey('bundle', id, '--out', fresh, '--json'),
    6,
    'bundle-faulty',
  );
  await set(jws);
  assert.ok(findings.every(({ check }: { check: string }) => check === 'receipt'));
  assert.equal(existsSync(fresh), false);
});

test('a bundle of a log that is not the one this home follows is not written', async () => {
  const { server } = world;
  const fresh = join(engineer.dir, 'forked.bundle');
  const change = () =>
    forkLog(server, (rows) =>
      rows.map((row) => (row.idx === 2 ? { ...row, leaf: Buffer.from('{"type":"nothing"}') } : row)),
    );
  await meddled(server, change, async () => {
    await fails(engineer.latchkey('bundle', id, '--out', fresh, '--json'), 6, 'log-forked');
  });
  assert.equal(existsSync(fresh), false);
});

test('an engineer gets bundles of their own unlocks, an auditor of all', async () => {
  const other = await world.enrolled('bob', 'engineer');
  await fails(other.latchkey('bundle', id, '--out', join(other.dir, 'x'), '--json'), 3, 'not-found');
  const { unlock } = await ok(auditor.latchkey('bundle', id, '--out', join(auditor.dir, 'x'), '--json'));
  assert.equal(unlock, id);
  assert.equal((await ok(auditor.latchkey('verify', join(auditor.dir, 'x'), '--json'))).state, 'closed');
});

test('what is no bundle, or not there, is told as such', async () => {
  await fails(engineer.latchkey('verify', join(engineer.dir, 'nothing'), '--json'), 2, 'file-missing');
  const profile = join(engineer.dir, 'profile.json');
  assert.deepEqual(await findingsOf(engineer.latchkey('verify', profile, '--json')), ['form']);
  const part = join(engineer.dir, 'part');
  writeFileSync(part, readFileSync(file).subarray(0, 500));
  const cut = await engineer.latchkey('verify', part);
  assert.match(cut.stdout, /not all of it: it is not JSON/);
  await fails(engineer.latchkey('verify', file, '--root', profile, '--json'), 2, 'file-unknown');
});

type Refused = Promise<{ exit: number; stdout: string; stderr: string }>;

async function findingsOf(ran: Refused): Promise<string[]> {
  const { exit, stdout, stderr } = await ran;
  assert.equal(exit, 6, stderr);
  return [...new Set<string>(JSON.parse(stdout).findings.map(({ check }: { check: string }) => check))];
}
