import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { interrupted } from '../../../cli/failure.ts';
import { fails, ok } from '../answers.ts';
import type { Laptop } from '../laptop.ts';
import { startWorld, type World } from '../world.ts';
import { cable, imeiOf, read } from './line.ts';

/** Many modules at once, each in a lane of its own. */

let world: World;
let station: Laptop;
const order = ['--order', 'A-7731', '--json'];

before(async () => {
  world = await startWorld();
  station = await world.enrolled('line-1', 'station');
});
after(() => world.stop());

const provision = (...args: string[]) => station.latchkey('provision', ...order, ...args);
const shown = async (hwid: string) => ok(station.latchkey('modules', 'show', hwid, '--json'));

/** New modules, on pseudo-terminals and tcp in turn. */
function modules(prefix: string, count: number) {
  return Promise.all(
    Array.from({ length: count }, (_, place) =>
      world.module(`${prefix}-0000000${place}`, imeiOf(place), { at: place % 2 === 0 ? 'pty' : { tcp: 0 } }),
    ),
  );
}

test('a jig: every module is confirmed, one record each, a summary, labels without any secret', async () => {
  const jig = await modules('JIG', 6);
  const [fixture, labels] = [join(station.dir, 'jig.yaml'), join(station.dir, 'labels.csv')];
  const lines = jig.map(({ atPath }, place) => `slot-${place}: ${atPath}   # lane ${place}`);
  writeFileSync(fixture, `---\n# the left jig\n${lines.join('\n')}\n`);
  const ran = await provision('--fixture', fixture, '--labels', labels);
  const { made, summary } = read(ran);
  assert.equal(ran.exit, 0, ran.stderr);
  assert.deepEqual(
    made.map(({ slot, hwid, status, already }) => [slot, hwid, status, already]).sort(),
    jig.map((_, place) => [`slot-${place}`, `JIG-0000000${place}`, 'confirmed', false]),
  );
  assert.deepEqual([summary.confirmed, summary.failed, summary.faults], [6, 0, {}]);
  const { state, order: of, imei } = await shown('JIG-00000003');
  assert.deepEqual([state, of, imei], ['confirmed', 'A-7731', imeiOf(3)]);
  const written = readFileSync(labels, 'utf8').trim().split('\n');
  assert.equal(written[0], 'hwid,imei,order');
  assert.ok(written.includes(`JIG-00000003,${imeiOf(3)},A-7731`));
  assert.equal(statSync(labels).mode & 0o777, 0o600);

  const again = await provision('--fixture', fixture, '--labels', labels);
  assert.ok(read(again).made.every(({ status, already }) => status === 'confirmed' && already));
  assert.deepEqual(readFileSync(labels, 'utf8').trim().split('\n'), written);
});

test('a stuck module, a port that is not there and one that refuses delay only themselves', async () => {
  const [good, other] = await modules('STUCK', 2);
  const stuck = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(stuck, 'listening');
  const silent = `tcp://127.0.0.1:${(stuck.address() as AddressInfo).port}`;
  const ports = [silent, '/dev/ttyNOWHERE', good?.atPath, other?.atPath].join(',');
  const ran = await provision('--ports', ports);
  stuck.close();
  const { made, summary } = read(ran);
  assert.equal(ran.exit, 1);
  assert.equal(JSON.parse(ran.stderr.trim().split('\n').at(-1) ?? '').error.code, 'modules-failed');
  assert.deepEqual(
    made.map(({ status, error }) => error?.code ?? status),
    ['port-missing', 'confirmed', 'confirmed', 'module-silent'],
  );
  assert.deepEqual(summary.faults, { 'port-missing': 1, 'module-silent': 1 });
  assert.match(made[3]?.error?.next ?? '', /\w/);
});

const cuts = [
  ['identity', /identity/],
  ['a piece of the manifest', /"data",0/],
  ['the manifest', /"keys"/],
  ['a piece of the bundle', /"data",256/],
  ['the bundle', /"provision"/],
] as const;
for (const [step, at] of cuts) {
  for (const heard of [false, true]) {
    test(`a cable pulled ${heard ? 'after' : 'before'} the module has ${step}: the others go on, and it goes on later`, async () => {
      const name = `CUT-${cuts.findIndex(([one]) => one === step)}-${heard ? 'B' : 'A'}-0001`;
      const whole = await world.module(name.replace('0001', '0002'), imeiOf(2));
      const module = await world.module(name, imeiOf(1), { at: { tcp: 0 } });
      const lead = await cable(module.atPath);
      lead.cut = { at, heard };
      const ports = ['--ports', `${lead.port},${whole.atPath}`];
      const { made, summary } = read(await provision(...ports));
      const pulled = made.find(({ port }) => port === lead.port);
      assert.deepEqual([pulled?.error?.code, summary.confirmed], ['port-gone', 1]);
      lead.cut = undefined;
      const again = await provision(...ports);
      assert.equal(again.exit, 0, again.stdout);
      await lead.close();
      const { items } = await ok(station.latchkey('modules', 'list', '--imei', imeiOf(1), '--json'));
      const one = items.filter(({ hwid }: { hwid: string }) => hwid === name);
      assert.deepEqual([one.length, one[0].state], [1, 'confirmed']);
    });
  }
}

test('a dry run says what would be done, and writes nothing to module or server', async () => {
  const [fresh] = await modules('DRY', 1);
  const ports = `${fresh?.atPath}`;
  const before = (await ok(station.latchkey('status', '--port', ports, '--json'))).state;
  const { would, status } = await ok(provision('--port', ports, '--dry-run'));
  assert.equal(status, 'looked');
  assert.match(would, /unprovisioned.*would be registered for order A-7731 and provisioned/);
  assert.equal((await ok(station.latchkey('status', '--port', ports, '--json'))).state, before);
  await fails(station.latchkey('modules', 'show', 'DRY-00000000', '--json'), 3, 'module-unknown');
});

test('the same hardware ID with another key is refused in its lane, with what to do; the rest goes on', async () => {
  const [first, bystander] = await modules('CLONE', 2);
  await ok(provision('--port', first?.atPath ?? ''));
  const copy = await world.module('CLONE-00000000', imeiOf(0), { dir: join(station.dir, 'copy') });
  const ran = await provision('--ports', `${copy.atPath},${bystander?.atPath}`);
  const { made } = read(ran);
  const { error } = made.find(({ status }) => status === 'failed') ?? {};
  assert.equal(error?.code, 'module-exists');
  assert.match(
    `${error?.message} ${error?.next}`,
    /another device key.*officer.*--scope reset.*modules retire/,
  );
  assert.ok(made.some(({ status }) => status === 'confirmed'));
  assert.match((await provision('--port', copy.atPath, '--dry-run')).stdout, /would be refused/);
});

test('scanned IMEIs go to the slots in their order, or to the one whose name was scanned before', async () => {
  const jig = await modules('SCAN', 3);
  const fixture = join(station.dir, 'scan.yaml');
  writeFileSync(fixture, jig.map(({ atPath }, place) => `s${place} ${atPath}`).join('\n'));
  station.stdin = `s2\n${imeiOf(2)}\n123\n${imeiOf(0)}\n${imeiOf(7)}\n`;
  const ran = await provision('--fixture', fixture, '--scanner');
  station.stdin = '';
  const { made } = read(ran);
  const of = (slot: string) => made.find((one) => one.slot === slot);
  assert.deepEqual([of('s0')?.status, of('s2')?.status], ['confirmed', 'confirmed']);
  assert.equal(of('s1')?.error?.code, 'other-module');
  assert.match(of('s1')?.error?.message ?? '', new RegExp(`${imeiOf(7)} was scanned.*${imeiOf(1)}`));
  assert.match(ran.stderr, /“123” was scanned/);
  await fails(station.latchkey('modules', 'show', 'SCAN-00000001', '--json'), 3, 'module-unknown');
});

test('Ctrl-C: what is under way ends its step, the summary is printed, and the next run goes on', async () => {
  const [held] = await modules('STOP', 1);
  const terminal = station.terminal((text) => {
    if (/registering/.test(text)) terminal.interrupt.abort(interrupted());
  });
  const ports = ['--port', held?.atPath ?? ''];
  const error = await fails(terminal.latchkey('provision', ...order, ...ports), 130, 'interrupted');
  assert.equal(error.code, 'interrupted');
  assert.equal((await shown('STOP-00000000')).state, 'registered');
  assert.equal((await ok(provision(...ports))).module.state, 'confirmed');
});

test('on a terminal there is a row a slot, drawn in its place, and a line for each module above', async () => {
  const jig = await modules('ROWS', 2);
  let screen = '';
  const terminal = station.terminal((text) => {
    screen += text;
  });
  terminal.waits = true;
  const ran = await terminal.latchkey(
    'provision',
    ...order.slice(0, 2),
    '--ports',
    jig.map(({ atPath }) => atPath).join(','),
  );
  assert.equal(ran.exit, 0);
  assert.match(ran.stdout, /Module ROWS-00000000 \(IMEI \d+\) is provisioned\.\n/);
  assert.match(ran.stdout, /2 done · 0 failed · \d+ an hour\n$/);
  assert.ok(screen.includes('SLOT') && screen.includes('\x1b[4A\r\x1b[J'), screen);
});

test('what names no slots is refused before any port is opened', async () => {
  const file = join(station.dir, 'bad.yaml');
  const bad = async (text: string) => {
    writeFileSync(file, text);
    return (await fails(provision('--fixture', file), 2, 'fixture-wrong')).message;
  };
  assert.match(await bad('a: /dev/ttyUSB0\nnonsense\n'), /bad.yaml:2: “nonsense”/);
  assert.match(await bad('a: /dev/ttyUSB0\nb: /dev/ttyUSB0\n'), /twice/);
  assert.match(await bad('# nothing\n'), /names no port/);
  const many = Array.from({ length: 33 }, (_, place) => `s${place} /dev/ttyUSB${place}`);
  assert.match(await bad(many.join('\n')), /33 ports/);
  await fails(provision('--port', '/dev/ttyUSB0', '--ports', '/dev/ttyUSB1'), 2, 'usage');
  await fails(provision('--ports', '/dev/ttyUSB0,/dev/ttyUSB1', '--hwid', 'JIG-00000000'), 2, 'usage');
});
