import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fails, ok } from '../answers.ts';
import type { Laptop, Ran } from '../laptop.ts';
import { startWorld, type World } from '../world.ts';
import { type Gate, gate, inNext } from './gate.ts';
import { imeiOf, read } from './line.ts';

/** What goes wrong on a line: a clear fault for each module, the rest goes on, nothing is lost. */

const main = join(import.meta.dirname, '../../../cli/main.js');

let world: World;
let station: Laptop;
let officer: Laptop;
let way: Gate;
const order = ['--order', 'A-7731', '--json'];

before(async () => {
  world = await startWorld();
  way = await gate(world.server);
  [station, officer] = [await world.enrolled('line-1', 'station'), await world.enrolled('olga', 'officer')];
  way.lead(station);
});
afterEach(() => way.open());
after(async () => {
  await way.shut();
  await world.stop();
});

async function jig(prefix: string, count = 2): Promise<string> {
  const modules = Array.from({ length: count }, (_, place) =>
    world.module(`${prefix}-0000000${place}`, imeiOf(place)),
  );
  return (await Promise.all(modules)).map(({ atPath }) => atPath).join(',');
}

/** The faults of a run that none of its modules survived. */
function faults(ran: Ran): Record<string, number> {
  const { made, summary } = read(ran);
  assert.equal(ran.exit, 1, ran.stderr);
  assert.ok(
    made.every(({ status, error }) => status === 'failed' && error?.next !== undefined),
    ran.stdout,
  );
  return { ...summary.faults };
}

test('wrong orders: unknown, not given to this station, closed; nothing is registered', async () => {
  const ports = await jig('ORDER');
  const at = (name: string) => station.latchkey('provision', '--order', name, '--ports', ports, '--json');
  await ok(officer.latchkey('orders', 'create', 'B-1', '--quantity', '5', '--json'));
  await ok(officer.latchkey('orders', 'create', 'C-1', '--quantity', '5', '--station', 'line-1', '--json'));
  await ok(officer.latchkey('orders', 'close', 'C-1', '--why', 'made elsewhere', '--json'));
  assert.deepEqual(faults(await at('D-1')), { 'order-unknown': 2 });
  assert.deepEqual(faults(await at('B-1')), { 'order-not-yours': 2 });
  assert.deepEqual(faults(await at('C-1')), { 'order-closed': 2 });
  await fails(station.latchkey('modules', 'show', 'ORDER-00000000', '--json'), 3, 'module-unknown');
});

test('an IMEI that is none: nothing is asked for the module, with a server or without', async () => {
  const [wrong, right] = [world.module('NUMBER-0', '490154203237519'), world.module('NUMBER-1', imeiOf(1))];
  const at = async () => [(await wrong).atPath, (await right).atPath].join(',');
  const provision = async () => read(await station.latchkey('provision', ...order, '--ports', await at()));
  const online = await provision();
  assert.deepEqual([online.summary.confirmed, online.summary.faults], [1, { 'imei-wrong': 1 }]);
  await way.shut();
  const offline = await provision();
  await way.open();
  assert.deepEqual([offline.summary.journaled, offline.summary.faults], [1, { 'imei-wrong': 1 }]);
  await ok(station.latchkey('journal', 'deliver', '--json'));
});

test('an order that is full: what has a place is made, what has none is told', async () => {
  await ok(officer.latchkey('orders', 'create', 'E-1', '--quantity', '2', '--station', 'line-1', '--json'));
  const ports = await jig('FULL', 3);
  const ran = await station.latchkey('provision', '--order', 'E-1', '--ports', ports, '--json');
  const { summary } = read(ran);
  assert.deepEqual([summary.confirmed, summary.faults], [2, { 'order-full': 1 }]);
});

test('no more modules are made without a server than the order had room for', async () => {
  await ok(officer.latchkey('orders', 'create', 'F-1', '--quantity', '3', '--station', 'line-1', '--json'));
  const run = async (ports: string) =>
    station.latchkey('provision', '--order', 'F-1', '--ports', ports, '--json');
  assert.equal((await run(`${await jig('ROOM-A', 1)},/dev/ttyNOWHERE`)).exit, 1);
  await way.shut();
  const { summary } = read(await run(await jig('ROOM-B', 4)));
  assert.deepEqual([summary.journaled, summary.faults], [2, { 'bundle-exhausted': 2 }]);
  await way.open();
  const { items } = await ok(station.latchkey('journal', 'deliver', '--json'));
  assert.ok(
    items.every(({ status }: { status: string }) => status === 'delivered'),
    JSON.stringify(items),
  );
  const { registered, confirmed } = await ok(station.latchkey('orders', 'show', 'F-1', '--json'));
  assert.deepEqual([registered, confirmed], [3, 3]);
});

test('a disk that takes no more: the module is not called done, and is once there is room', async () => {
  const port = await jig('DISK', 1);
  // The bundle is fetched while there is a server.
  await ok(station.latchkey('provision', ...order, '--port', await jig('SPACE', 1)));
  await way.shut();
  // Node would write coverage too, and complain among the rest.
  const env = { ...process.env, NODE_V8_COVERAGE: '', LATCHKEY_HOME: station.dir };
  const limited = ['-c', 'ulimit -f 0; exec "$0" "$@"', process.execPath, main];
  const ended = await new Promise<{ exit: number | null; stderr: string }>((resolve) => {
    const child = execFile(
      'sh',
      [...limited, 'provision', ...order, '--port', port],
      { env },
      (_error, _stdout, stderr) => resolve({ exit: child.exitCode, stderr }),
    );
  });
  const { error } = JSON.parse(ended.stderr.trim().split('\n').at(-1) ?? '');
  assert.deepEqual([ended.exit, error.code], [1, 'home-unusable']);
  assert.match(`${error.message} ${error.next}`, /journal.*EFBIG.*room/);
  assert.deepEqual((await ok(station.latchkey('journal', 'list', '--json'))).waiting, []);
  const again = await ok(station.latchkey('provision', ...order, '--port', port));
  assert.deepEqual([again.status, again.already], ['journaled', true]);
  await way.open();
  await ok(station.latchkey('journal', 'deliver', '--json'));
});

test('labels that cannot be written leave the module done, and can be printed again', async () => {
  const ports = await jig('LABEL');
  const labels = join(station.dir, 'no-such-directory', 'labels.csv');
  const ran = await station.latchkey('provision', ...order, '--ports', ports, '--labels', labels);
  const { summary } = read(ran);
  assert.deepEqual([ran.exit, summary.confirmed, summary.faults], [1, 2, { 'label-unwritten': 2 }]);
  assert.match(ran.stderr, /latchkey labels reprint LABEL-00000001/);
  const file = join(station.dir, 'labels.csv');
  await ok(station.latchkey('labels', 'reprint', 'LABEL-00000001', '--labels', file, '--json'));
  assert.equal(readFileSync(file, 'utf8'), `hwid,imei,order\nLABEL-00000001,${imeiOf(1)},A-7731\n`);
  assert.equal(
    (await station.latchkey('labels', 'reprint', 'label-00000001')).stdout,
    `LABEL-00000001,${imeiOf(1)},A-7731\n`,
  );
});

test('a module that was retired or suspended is put aside, however it was made, and is not called done', async () => {
  const [own] = [await jig('OUT-OWN', 1)];
  await ok(station.latchkey('provision', ...order, '--port', own));
  const offline = await jig('OUT-OFF', 1);
  await way.shut();
  await ok(station.latchkey('provision', ...order, '--port', offline));
  await way.open();
  await ok(station.latchkey('journal', 'deliver', '--json'));
  const why = ['--why', 'returned by the customer', '--json'];
  await ok(officer.latchkey('modules', 'suspend', 'OUT-OWN-00000000', ...why));
  await ok(officer.latchkey('modules', 'retire', 'OUT-OFF-00000000', ...why));
  const labels = join(station.dir, 'out.csv');
  const ran = await station.latchkey(
    ...['provision', ...order, '--ports', `${own},${offline}`, '--labels', labels],
  );
  assert.deepEqual(faults(ran), { 'module-inactive': 2 });
  assert.equal(existsSync(labels), false);
  assert.deepEqual((await ok(station.latchkey('journal', 'list', '--json'))).waiting, []);
});

test('a certificate that ends in mid-run: a fault of each module after, and what was made is not lost', async () => {
  const day = 86_400_000;
  // The server's clock alone: to the station its certificate is good for long.
  inNext(world.server, 'registerModule', async (handled) => {
    await handled();
    world.server.clock.advance(40 * day);
  });
  const ran = await station.latchkey('provision', ...order, '--ports', await jig('ENDED'));
  world.server.clock.advance(-40 * day);
  assert.deepEqual(faults(ran), { 'certificate-expired': 2 });
  const { items } = await ok(station.latchkey('journal', 'deliver', '--json'));
  assert.ok(items.length > 0 && items.every(({ status }: { status: string }) => status === 'delivered'));
});

test('a station that is shut out in mid-run is refused, module by module; that is no outage', async () => {
  inNext(world.server, 'registerModule', async (handled) => {
    await handled();
    await ok(officer.latchkey('revoke', 'line-1', '--json'));
  });
  const ran = await station.latchkey('provision', ...order, '--ports', await jig('SHUT'));
  const { made, summary } = read(ran);
  assert.deepEqual([ran.exit, summary.failed, summary.journaled], [1, 2, 0]);
  for (const { error } of made) assert.match(error?.code ?? '', /^(principal-disabled|certificate-revoked)$/);
});
