import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { signManifest } from '../../keys/manifest.ts';
import { pssKey } from '../../keys/sign.ts';
import type { RunningModule } from '../../module/simulator/start.ts';
import { registerModule } from '../../server/decisions/register.ts';
import { caller } from '../fixture/unlocks.ts';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

const HWID = 'LTE4-00A1B2C3D4E5';
const IMEI = '490154203237518';

let world: World;
let engineer: Laptop;
let other: Laptop;
let station: Laptop;
let module: RunningModule;

before(async () => {
  world = await startWorld();
  [engineer, other, station] = await Promise.all([
    world.enrolled('alice', 'engineer'),
    world.enrolled('bob', 'engineer'),
    world.enrolled('line-1', 'station'),
  ]);
  module = await world.module(HWID, IMEI);
  await ok(station.latchkey('provision', '--port', module.atPath, '--order', 'A-7731', '--json'));
});
after(() => world.stop());
afterEach(() => engineer.latchkey('lock', '--port', module.atPath));

const unlock = (...more: string[]) =>
  engineer.latchkey('unlock', '--port', module.atPath, '--json', '--hwid', HWID, ...more);
const status = async () => (await ok(engineer.latchkey('status', '--port', module.atPath, '--json'))).state;
const shown = async (id: string) => ok(engineer.latchkey('unlocks', 'show', id, '--json'));

test('a locked module is opened, shows its password, and is locked; its unlock is closed after (DESIGN section 6)', async () => {
  const { unlock: granted, seconds } = await ok(
    unlock('--reason', 'drops off the bus', '--ticket', 'SUP-1', '--for', '5m'),
  );
  assert.deepEqual(
    [granted.hwid, granted.reason, granted.ticket, seconds],
    [HWID, 'drops off the bus', 'SUP-1', 300],
  );
  assert.equal(await status(), 'open');
  const { user, password } = await ok(engineer.latchkey('password', granted.id, '--print', '--json'));
  assert.match(password, /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.equal(typeof user, 'string');
  await ok(engineer.latchkey('lock', '--port', module.atPath, '--json'));
  assert.equal(await status(), 'locked');
  const { state, why } = await shown(granted.id);
  assert.deepEqual([state, why], ['closed', 'lock']);
});

test('the module must be the one named, or be confirmed (DESIGN section 5)', async () => {
  const named = (...names: string[]) =>
    engineer.latchkey('unlock', '--port', module.atPath, '--reason', 'is it this one', '--json', ...names);
  await fails(named('--hwid', 'LTE4-FFFFFFFFFFFF'), 5, 'other-module');
  await fails(named('--imei', '356938035643809'), 5, 'other-module');
  await fails(named(), 2, 'module-unnamed');
  assert.equal(await status(), 'locked');
  await ok(named('--imei', IMEI));
});

test('who goes by an IMEI gets the module that was registered with it, whatever the port says', async () => {
  const [label, registered, hidden] = ['356938035643809', '490154203237526', 'LTE4-00A1B2C3D4E6'];
  // It stands for one that carries the label and passes on what the hidden module signs.
  const relay = await world.module(hidden, label);
  const { key } = await ok(station.latchkey('status', '--port', relay.atPath, '--json'));
  const { x, y } = key;
  const { services } = world.server;
  await registerModule(services, caller(['station'], 'line-1'), {
    hwid: hidden,
    imei: registered,
    order: 'A-7731',
    key: { x, y },
  });
  await ok(station.latchkey('provision', '--port', relay.atPath, '--order', 'A-7731', '--json'));
  const by = (...more: string[]) => engineer.latchkey('unlock', '--json', '--reason', 'relayed', ...more);
  const error = await fails(by('--port', relay.atPath, '--imei', label), 5, 'other-module');
  assert.match(error.message, /LTE4-00A1B2C3D4E6, registered with IMEI 490154203237526/);

  const [asked, out] = [join(engineer.dir, 'relayed.json'), join(engineer.dir, 'none.json')];
  await ok(engineer.latchkey('challenge', '--port', relay.atPath, '--out', asked, '--json'));
  for (const named of [
    ['--imei', label],
    ['--hwid', HWID],
  ]) {
    await fails(by('--challenge', asked, '--out', out, ...named), 5, 'other-module');
  }
  const { items } = await ok(engineer.latchkey('unlocks', 'list', '--json'));
  assert.ok(items.every(({ hwid }: { hwid: string }) => hwid !== hidden));
});

test('an unlock needs a reason, unless it continues one', async () => {
  await fails(unlock(), 2, 'reason-missing');
});

test('a refusal of policy tells what it needs, and exits 3', async () => {
  const error = await fails(unlock('--reason', 'all day', '--for', '10h'), 3, 'forbidden');
  assert.match(error.need, /1800 seconds/);
});

test('what was open before is not asked for again', async () => {
  const first = await ok(unlock('--reason', 'once'));
  const again = await ok(unlock('--reason', 'once'));
  assert.deepEqual([again.already, again.unlock.id], [true, first.unlock.id]);
  const { exit, stderr } = await unlock('--reason', 'for something else');
  assert.equal(exit, 0);
  assert.match(stderr, /open for “once”; lock it first/);
});

test('a module in use names its holder (DESIGN section 6)', async () => {
  await ok(unlock('--reason', 'mine'));
  const theirs = other.latchkey(
    'unlock',
    '--port',
    module.atPath,
    '--hwid',
    HWID,
    '--reason',
    'no, mine',
    '--json',
  );
  const error = await fails(theirs, 3, 'module-in-use');
  assert.equal(error.holder, 'alice');
  assert.match(error.next, /run the same command again/);
  const shorter = ['unlock', '--port', module.atPath, '--hwid', HWID, '--for', '5m', '--json'];
  const { next } = await fails(other.latchkey(...shorter), 2, 'reason-missing');
  assert.match(next, /Or go on with unlock [0-9a-f-]{36} \(“no, mine”\): --scope console --for 900s$/);
});

test('a server that goes away once the module is open does not undo it', async (t) => {
  const far = await startWorld();
  t.after(() => far.stop());
  const alice = await far.enrolled('alice', 'engineer');
  const line = await far.enrolled('line-1', 'station');
  const { atPath } = await far.module('LTE4-0000000F');
  await ok(line.latchkey('provision', '--port', atPath, '--order', 'A-7731', '--json'));
  let stopped: Promise<void> | undefined;
  const terminal = alice.terminal((text) => {
    if (/handing the token/.test(text)) stopped ??= far.server.hangUp();
  });
  const ran = await terminal.latchkey(
    'unlock',
    '--port',
    atPath,
    '--hwid',
    'LTE4-0000000F',
    '--reason',
    'far away',
  );
  await stopped;
  assert.equal(ran.exit, 0);
  assert.match(ran.stdout, /^Module LTE4-0000000F is open/);
  assert.match(ran.stderr, /receipts wait here for the next contact/);
  assert.match(ran.stderr, /the module is open, but the log was not looked at again/);
});

test('a reboot while nobody looks is found at the next contact, by its receipt', async () => {
  const { unlock: granted } = await ok(unlock('--reason', 'before the reboot'));
  await module.reboot();
  const { items } = await ok(engineer.latchkey('receipts', '--port', module.atPath, '--json'));
  assert.ok(items.some(({ claims }: { claims: { why?: string } }) => claims.why === 'reboot'));
  assert.equal((await shown(granted.id)).state, 'closed');
  assert.deepEqual(readdirSync(join(engineer.dir, 'receipts')), []);
});

test('receipts taken once are not read from the module again', async () => {
  await ok(engineer.latchkey('receipts', '--port', module.atPath, '--json'));
  assert.deepEqual((await ok(engineer.latchkey('receipts', '--port', module.atPath, '--json'))).items, []);
});

test('a module is provisioned once, however often it is asked for', async () => {
  const again = await ok(
    station.latchkey('provision', '--port', module.atPath, '--order', 'A-7731', '--json'),
  );
  assert.deepEqual([again.already, again.module.state], [true, 'confirmed']);
  assert.deepEqual(readdirSync(join(station.dir, 'receipts')), []);
});

test('a bench that is not even enrolled: challenge, token, apply, receipts, by files', async () => {
  const [asked, granted] = [join(engineer.dir, 'asked.json'), join(engineer.dir, 'granted.json')];
  const at = ['--port', module.atPath, '--json'];
  const bench = laptop();
  assert.equal((await ok(bench.latchkey('challenge', ...at, '--for', '2m', '--out', asked))).hwid, HWID);
  const fetch = ['unlock', '--challenge', asked, '--out', granted, '--reason', 'no network', '--json'];
  const { unlock: id, token } = await ok(engineer.latchkey(...fetch));
  assert.equal(token, true);
  assert.equal(statSync(granted).mode & 0o777, 0o600);
  assert.equal((await ok(bench.latchkey('apply', granted, ...at))).seconds, 120);
  assert.equal((await shown(id)).state, 'issued');
  const { items } = await ok(engineer.latchkey('receipts', '--file', granted, '--json'));
  assert.ok(items.some(({ jti, state }: { jti: string; state: string }) => jti === id && state === 'open'));
  await ok(bench.latchkey('lock', ...at));
  await fails(bench.latchkey('apply', granted, ...at), 5, 'module-refused');
  await ok(engineer.latchkey('receipts', '--file', granted, '--json'));
  assert.equal((await shown(id)).state, 'closed');
  bench.remove();
});

test('a newer key manifest is handed over before the challenge (DESIGN section 6)', async () => {
  const { keys, roots } = world.server.keys;
  const [held] = keys.manifests;
  assert.ok(held);
  const newer = await signManifest({ ...held.claims, ver: held.claims.ver + 1 }, pssKey(roots[1]));
  Object.assign(keys, { manifests: [newer] });
  await ok(unlock('--reason', 'after the new manifest'));
  const { manifest } = await ok(engineer.latchkey('status', '--port', module.atPath, '--json'));
  assert.equal(manifest, newer.claims.ver);
  await ok(engineer.latchkey('lock', '--port', module.atPath, '--json'));
  Object.assign(keys, { manifests: [held] });
  await fails(unlock('--reason', 'an old one again'), 6, 'manifest-rollback');
  Object.assign(keys, { manifests: [newer] });
});

test('a module gets no token while the log does not cover what the server has named', async () => {
  const kept = join(engineer.dir, 'log.json');
  const before = readFileSync(kept, 'utf8');
  writeFileSync(kept, JSON.stringify({ ...JSON.parse(before), promised: 1_000_000 }));
  await fails(unlock('--reason', 'under a shrunken log'), 6, 'log-shrunk');
  assert.equal((await engineer.latchkey('lock', '--port', module.atPath, '--json')).exit, 6);
  writeFileSync(kept, before);
  assert.equal(await status(), 'locked');
});

test('a module is locked also where the server is away: the receipt waits', async () => {
  const { unlock: granted } = await ok(unlock('--reason', 'then the network goes'));
  const file = join(engineer.dir, 'profile.json');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(before), server: 'https://127.0.0.1:1' }));
  const { exit, stderr } = await engineer.latchkey('lock', '--port', module.atPath, '--json');
  writeFileSync(file, before);
  assert.equal(exit, 0);
  assert.match(stderr, /receipts wait here/);
  assert.equal(await status(), 'locked');
  await ok(engineer.latchkey('receipts', '--json'));
  assert.equal((await shown(granted.id)).state, 'closed');
});

test('a bench file with a member too many, or none, is refused', async () => {
  const file = join(engineer.dir, 'bad.json');
  for (const content of ['', '{}', '{"latchkey":"token/1","hwid":"LTE4-00A1B2C3D4E5"}']) {
    writeFileSync(file, content);
    await fails(other.latchkey('apply', file, '--port', module.atPath, '--json'), 2, 'file-unknown');
  }
  await fails(other.latchkey('apply', `${file}.none`, '--port', module.atPath, '--json'), 2, 'file-missing');
});

test('the private key and the password stand in no file of the home but identity.pem (order rule 5)', async () => {
  const { unlock: granted } = await ok(unlock('--reason', 'look for secrets'));
  const { password } = await ok(engineer.latchkey('password', granted.id, '--print', '--json'));
  for (const name of readdirSync(engineer.dir, { recursive: true, encoding: 'utf8' })) {
    if (name === 'identity.pem' || name === 'receipts') continue;
    const text = readFileSync(join(engineer.dir, name), 'utf8');
    assert.ok(!text.includes(password) && !text.includes('PRIVATE KEY'), name);
  }
});
