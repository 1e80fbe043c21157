import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fails, ok } from '../answers.ts';
import type { Laptop } from '../laptop.ts';
import { startWorld, type World } from '../world.ts';
import { type Gate, gate } from './gate.ts';
import { cable, imeiOf, read } from './line.ts';

/** With no server the line goes on: offline bundle, journal, delivery once the server is back. */

let world: World;
let station: Laptop;
let way: Gate;
const order = ['--order', 'A-7731', '--json'];

before(async () => {
  world = await startWorld();
  way = await gate(world.server);
  station = await world.enrolled('line-1', 'station');
  way.lead(station);
});
after(async () => {
  await way.shut();
  await world.stop();
});

const provision = (...args: string[]) => station.latchkey('provision', ...order, ...args);
const journal = async () => ok(station.latchkey('journal', 'list', '--json'));
const shown = async (hwid: string) => ok(station.latchkey('modules', 'show', hwid, '--json'));
const orderNow = async () => ok(station.latchkey('orders', 'show', 'A-7731', '--json'));

test('without an offline bundle at hand the module gets nothing, and the fault says what to do', async () => {
  const { atPath } = await world.module('NONE-00000001', imeiOf(1));
  await way.shut();
  const error = await fails(provision('--port', atPath), 1, 'bundle-missing');
  assert.match(error.next, /while the server answers/);
  assert.equal((await ok(station.latchkey('status', '--port', atPath, '--json'))).state, 'unprovisioned');
  await way.open();
  assert.equal((await ok(provision('--port', atPath))).module.state, 'confirmed');
});

test('an outage: modules are made with the offline bundle, wait in the journal, and are confirmed by the next run', async () => {
  const jig = await Promise.all([1, 2, 3].map((place) => world.module(`OUT-0000000${place}`, imeiOf(place))));
  const ports = jig.map(({ atPath }) => atPath).join(',');
  await way.shut();
  const ran = await provision('--ports', ports);
  assert.equal(ran.exit, 0, ran.stdout);
  assert.deepEqual(
    read(ran).made.map(({ status }) => status),
    ['journaled', 'journaled', 'journaled'],
  );
  assert.match(ran.stderr, /Modules go into the journal/);
  const { waiting } = await journal();
  assert.deepEqual(waiting.map(({ hwid }: { hwid: string }) => hwid).sort(), [
    'OUT-00000001',
    'OUT-00000002',
    'OUT-00000003',
  ]);

  const again = read(await provision('--ports', ports));
  assert.ok(again.made.every(({ status, already }) => status === 'journaled' && already));
  assert.equal((await journal()).waiting.length, 3);

  await way.open();
  const before = await orderNow();
  const delivered = await ok(station.latchkey('journal', 'deliver', '--json'));
  assert.ok(delivered.items.every(({ status }: { status: string }) => status === 'delivered'));
  const later = await orderNow();
  assert.deepEqual([later.registered - before.registered, later.confirmed - before.confirmed], [3, 3]);
  assert.deepEqual((await journal()).waiting, []);
  const { state, pwv } = await shown('OUT-00000002');
  assert.deepEqual([state, pwv], ['confirmed', 0]);
  assert.ok(read(await provision('--ports', ports)).made.every(({ status }) => status === 'confirmed'));
});

test('a server that goes away before the confirmation: the receipt waits, and the next run brings it', async () => {
  const { atPath } = await world.module('LATE-00000001', imeiOf(4));
  way.shutIn('confirmModule', 'before');
  const made = await ok(provision('--port', atPath));
  assert.equal(made.status, 'journaled');
  await way.open();
  assert.equal((await shown('LATE-00000001')).state, 'registered');
  const { atPath: next } = await world.module('LATE-00000002', imeiOf(5));
  await ok(provision('--port', next));
  assert.equal((await shown('LATE-00000001')).state, 'confirmed');
  assert.deepEqual((await journal()).waiting, []);
});

test('an answer to register that is lost: the module is made offline, and is still one module', async () => {
  const { atPath } = await world.module('LOST-00000001', imeiOf(6));
  const before = await orderNow();
  way.shutIn('registerModule', 'after');
  assert.equal((await ok(provision('--port', atPath))).status, 'journaled');
  await way.open();
  await ok(station.latchkey('journal', 'deliver', '--json'));
  const later = await orderNow();
  assert.equal(later.registered - before.registered, 1);
  const { state, pwv } = await shown('LOST-00000001');
  assert.deepEqual([state, pwv], ['confirmed', 0]);
});

test('what the server refuses is kept apart with its reason, and can be delivered once that is mended', async () => {
  const first = await world.module('TWICE-0000001', imeiOf(7));
  await ok(provision('--port', first.atPath));
  const copy = await world.module('TWICE-0000001', imeiOf(7), { dir: join(station.dir, 'copy') });
  await way.shut();
  assert.equal((await ok(provision('--port', copy.atPath))).status, 'journaled');
  await way.open();
  const { items } = await ok(station.latchkey('journal', 'deliver', '--json'));
  assert.deepEqual([items[0].status, items[0].code], ['refused', 'module-exists']);
  const { waiting, refused } = await journal();
  assert.deepEqual(
    [waiting.length, refused[0].entry.hwid, refused[0].code],
    [0, 'TWICE-0000001', 'module-exists'],
  );
  const officer = await world.enrolled('olga', 'officer');
  await ok(
    officer.latchkey('modules', 'retire', 'TWICE-0000001', '--why', 'a copy of it was kept', '--json'),
  );
  const again = await ok(station.latchkey('journal', 'deliver', '--refused', '--json'));
  assert.equal(again.items[0].status, 'delivered');
  assert.deepEqual((await journal()).refused, []);
});

test('a receipt that came damaged, or is not the module’s own, is not journaled: the module is not called done', async (t) => {
  const { atPath } = await world.module('BITS-00000001', imeiOf(8), { at: { tcp: 0 } });
  const lead = await cable(atPath);
  t.after(() => lead.close());
  await way.shut();
  // One bit of the signature, which nothing but the signature shows.
  const flip = (letter: string) => (letter === 'A' ? 'B' : 'A');
  lead.mangle = (said) =>
    said.replace(
      /("(?:provisioned|receipt)","[^"]*\.)(\w)/g,
      (_, before, letter) => `${before}${flip(letter)}`,
    );
  const error = await fails(provision('--port', lead.port), 5, 'module-garbled');
  assert.match(error.message, /receipt of module BITS-00000001/);
  await fails(provision('--port', lead.port), 5, 'module-garbled');
  assert.deepEqual((await journal()).waiting, []);
  lead.mangle = (said) => said;
  assert.equal((await ok(provision('--port', lead.port))).status, 'journaled');
  await way.open();
  await ok(station.latchkey('journal', 'deliver', '--json'));
  assert.equal((await shown('BITS-00000001')).state, 'confirmed');
});

test('nothing in the journal helps a thief: it is for its owner’s eyes, and holds no key and no password', async () => {
  const { atPath } = await world.module('THIEF-0000001', imeiOf(8));
  await way.shut();
  await ok(provision('--port', atPath));
  await way.open();
  for (const directory of ['journal', 'bundles']) {
    for (const name of readdirSync(join(station.dir, directory))) {
      const file = join(station.dir, directory, name);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const text = readFileSync(file, 'utf8');
      assert.doesNotMatch(text, /\$6\$|PRIVATE|"d":|password/);
      for (const jws of text.match(/[\w-]+\.[\w-]+\.[\w-]+/g) ?? []) {
        const [, payload = ''] = jws.split('.');
        assert.doesNotMatch(Buffer.from(payload, 'base64url').toString(), /"pw"|hash/);
      }
    }
  }
  await ok(station.latchkey('journal', 'deliver', '--json'));
});

test('during a run the server comes back: the journal is delivered beside the lanes', async () => {
  const { atPath } = await world.module('BACK-00000001', imeiOf(9));
  await way.shut();
  const terminal = station.terminal();
  let said = '';
  const heard = new Promise<void>((resolve) => {
    terminal.onOutput = (text) => {
      said += text;
      if (/journaled/.test(text)) void way.open();
      if (/delivered from the journal: 1 module\b/.test(text)) resolve();
    };
  });
  terminal.waits = true;
  const running = terminal.latchkey('provision', ...order, '--watch', '--port', atPath);
  await Promise.race([heard, running.then(() => assert.fail(said))]);
  terminal.interrupt.abort();
  const { summary } = read(await running);
  // It waits no longer, and so the summary does not say so.
  assert.deepEqual([summary.confirmed, summary.journaled], [1, 0]);
  assert.equal((await shown('BACK-00000001')).state, 'confirmed');
});

test('an entry that is damaged is put aside and named; the line goes on, and its module is provisioned again', async () => {
  const jig = await Promise.all([1, 2].map((place) => world.module(`TORN-0000000${place}`, imeiOf(place))));
  const ports = jig.map(({ atPath }) => atPath).join(',');
  await way.shut();
  assert.equal((await provision('--ports', ports)).exit, 0);
  const directory = join(station.dir, 'journal');
  const file = readdirSync(directory).find((name) =>
    readFileSync(join(directory, name), 'utf8').includes('TORN-00000001'),
  );
  const torn = join(directory, file ?? '');
  truncateSync(torn, statSync(torn).size - 40);
  const bytes = readFileSync(torn, 'utf8');
  await way.open();

  const delivered = await station.latchkey('journal', 'deliver', '--json');
  const { items } = JSON.parse(delivered.stdout);
  assert.deepEqual([delivered.exit, items.length, items[0].hwid], [0, 1, 'TORN-00000002']);
  assert.match(delivered.stderr, /is damaged.* Provision module TORN-00000001 once more/);
  const { waiting, damaged } = await journal();
  assert.deepEqual([waiting, damaged.length, readFileSync(damaged[0], 'utf8')], [[], 1, bytes]);

  const again = await provision('--ports', ports);
  assert.equal(again.exit, 0);
  assert.doesNotMatch(again.stderr, /damaged/);
  const { state, pwv } = await shown('TORN-00000001');
  assert.deepEqual([state, pwv], ['confirmed', 0]);
});

test('why there is no offline bundle is told once a run', async () => {
  const { atPath } = await world.module('NONE-00000002', imeiOf(1));
  const { stderr } = await station.latchkey('provision', '--port', atPath, '--order', 'NO-SUCH', '--json');
  assert.equal(stderr.match(/no offline bundle/g)?.length, 1, stderr);
});
