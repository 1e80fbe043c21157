import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { attachConsole } from '../../cli/port/console.ts';
import { usePort } from '../../cli/port/open.ts';
import type { RunningModule } from '../../module/simulator/start.ts';
import { ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** Which password logs in, on a module's own login, as tokens come and go. */

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
afterEach(() => lock());

const lock = () => ok(engineer.latchkey('lock', '--port', module.atPath, '--json'));
const named = ['--hwid', HWID, '--reason', 'look at its passwords', '--json'];

async function unlock(): Promise<string> {
  return (await ok(engineer.latchkey('unlock', '--port', module.atPath, ...named))).unlock.id;
}

async function reveal(id: string): Promise<{ ver: number; password: string }> {
  return ok(engineer.latchkey('password', id, '--print', '--json'));
}

/** Whether the open module's login takes the password. */
function logsIn(password: string): Promise<boolean> {
  return usePort(module.consolePath, {}, async (port) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const attached = attachConsole(port, { input, output }, { quiet: 1 });
    let said = '';
    const says = async (typed: string, wanted: RegExp) => {
      said = '';
      input.write(typed);
      while (!wanted.test(said)) said += String((await once(output, 'data'))[0]);
    };
    await says('\x03', /login: $/);
    await says('root\r', /Password: $/);
    await says(`${password}\r`, /(# |login: )$/);
    const inside = said.endsWith('# ');
    if (inside) await says('exit\r', /login: $/);
    input.end();
    await attached;
    return inside;
  });
}

test('a password that was shown is replaced by the next token: it no longer logs in, the new one does (DESIGN section 6, Passwords)', async () => {
  const first = await reveal(await unlock());
  assert.equal(await logsIn(first.password), true);
  await lock();
  const second = await reveal(await unlock());
  assert.equal(second.ver, first.ver + 1);
  assert.deepEqual([await logsIn(first.password), await logsIn(second.password)], [false, true]);
});

test('a password that nobody was shown stays in force', async () => {
  const before = await reveal(await unlock());
  await lock();
  await unlock();
  await lock();
  const kept = await reveal(await unlock());
  assert.equal(kept.ver, before.ver + 1);
  assert.equal(await logsIn(kept.password), true);
});

test('a token lost between server and module leaves the shown password in force until the next, which is fresh again', async () => {
  const shown = await reveal(await unlock());
  await lock();
  // Its token carries the next version, and is never handed to the module.
  const [asked, lost] = [join(engineer.dir, 'asked.json'), join(engineer.dir, 'lost.json')];
  await ok(engineer.latchkey('challenge', '--port', module.atPath, '--out', asked, '--json'));
  const files = ['--challenge', asked, '--out', lost];
  const { unlock: id } = await ok(engineer.latchkey('unlock', ...files, ...named));
  const next = await reveal(id);
  assert.equal(next.ver, shown.ver + 1);

  const opened = await unlock();
  const fresh = await reveal(opened);
  assert.equal(fresh.ver, next.ver + 1);
  assert.deepEqual(
    [await logsIn(shown.password), await logsIn(next.password), await logsIn(fresh.password)],
    [false, false, true],
  );
});

test('receipts that never arrive change nothing: the next challenge says which version is in force', async () => {
  await reveal(await unlock());
  await lock();
  const [asked, granted] = [join(engineer.dir, 'asked.json'), join(engineer.dir, 'granted.json')];
  await ok(engineer.latchkey('challenge', '--port', module.atPath, '--out', asked, '--json'));
  const files = ['--challenge', asked, '--out', granted];
  const { unlock: id } = await ok(engineer.latchkey('unlock', ...files, ...named));
  await ok(engineer.latchkey('apply', granted, '--port', module.atPath, '--json'));
  const { password, ver } = await reveal(id);
  assert.equal(await logsIn(password), true);
  await module.reboot();
  assert.equal((await reveal(await unlock())).ver, ver + 1);
  assert.equal(await logsIn(password), false);
});

test('passwords that were replaced stay, sealed (DESIGN section 6, Passwords)', async () => {
  const rows = await world.server.services.read
    .selectFrom('passwords')
    .select(['ver', 'sealed'])
    .where('hwid', '=', HWID)
    .orderBy('ver')
    .execute();
  assert.ok(rows.length > 5);
  const opened = rows.map(({ ver, sealed }) =>
    Buffer.from(
      world.server.services.sealer.open(sealed, { purpose: 'password', subject: HWID, version: ver }),
    ).toString(),
  );
  for (const password of opened) assert.match(password, /^([0-9A-HJKMNP-TV-Z]{4}-?){6}$/);
  assert.equal(new Set(opened).size, rows.length);
});
