import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { RunningModule } from '../../module/simulator/start.ts';
import { openPassword } from '../../server/passwords.ts';
import { ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

const HWID = 'LTE4-00A1B2C3D4E5';

let world: World;
let engineer: Laptop;
let module: RunningModule;

before(async () => {
  world = await startWorld();
  engineer = await world.enrolled('alice', 'engineer');
  const station = await world.enrolled('line-1', 'station');
  module = await world.module(HWID);
  await ok(station.latchkey('provision', '--port', module.atPath, '--order', 'A-7731', '--json'));
});
after(() => world.stop());
afterEach(() => engineer.latchkey('lock', '--port', module.atPath));

const unlock = (...more: string[]) =>
  engineer.latchkey('unlock', '--port', module.atPath, '--hwid', HWID, '--reason', 'log me in', ...more);
const onConsole = () => unlock('--console', module.consolePath, '--login');

async function passwords(): Promise<string[]> {
  const { read } = world.server.services;
  const rows = await read
    .selectFrom('passwords')
    .select(['ver', 'sealed'])
    .where('hwid', '=', HWID)
    .execute();
  return rows.map(({ ver, sealed }) => openPassword(world.server.services, HWID, ver, sealed));
}

test('unlock --login opens the module and logs in; nobody sees the password, and the reveal is an event', async () => {
  engineer.stdin = 'uname -a\rexit\r';
  for (const ver of [1, 2]) {
    const ran = await onConsole();
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stdout, /is open: console[\s\S]*~ # [\s\S]*Linux lte-module/);
    for (const password of await passwords()) {
      assert.ok(!`${ran.stdout}${ran.stderr}`.includes(password.slice(0, 5)));
    }
    const { items } = await world.server.services.reader.search({ type: 'password.revealed', limit: 9 });
    const vers = items.flatMap(({ event }) => (event.type === 'password.revealed' ? [event.ver] : []));
    assert.deepEqual(vers.sort(), ver === 1 ? [1] : [1, 2], 'each session has a password of its own');
    await engineer.latchkey('lock', '--port', module.atPath);
  }
});

test('a shell that was left open is handed over, and no password revealed', async () => {
  engineer.stdin = 'uname -a\r';
  await onConsole();
  const { items: before } = await world.server.services.reader.search({
    type: 'password.revealed',
    limit: 99,
  });
  const ran = await onConsole();
  assert.match(ran.stderr, /logged in at .* already: no password was typed/);
  assert.match(ran.stdout, /Linux lte-module/);
  const { items } = await world.server.services.reader.search({ type: 'password.revealed', limit: 99 });
  assert.equal(items.length, before.length);
});

test('--login needs a console, of the scope console', async () => {
  assert.equal((await unlock('--login')).exit, 2);
  assert.equal((await unlock('--console', module.consolePath, '--login', '--scope', 'adb')).exit, 2);
});
