import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { Device } from '../fixture/device.ts';
import { ordered } from '../fixture/orders.ts';
import { fails, ok } from './answers.ts';
import type { Laptop, Ran } from './laptop.ts';
import { type Gate, gate } from './line/gate.ts';
import { startWorld, type World } from './world.ts';

/** What goes wrong while many modules are imported: each line is told, the rest goes on, nothing is lost. */

const main = join(import.meta.dirname, '../../cli/main.js');
const LINES = 400;

let world: World;
let station: Laptop;
let officer: Laptop;
let way: Gate;
let orders = 0;

before(async () => {
  world = await startWorld();
  way = await gate(world.server);
  [station, officer] = [await world.enrolled('line-1', 'station'), await world.enrolled('olga', 'officer')];
  for (const one of [station, officer]) way.lead(one);
});
after(async () => {
  await way.shut();
  await world.stop();
});

/** An order of its own, and a file of modules for it. */
async function batch(by: Laptop, count = LINES, stations = ['line-1']) {
  orders += 1;
  const order = await ordered(world.server.services, `BULK-${orders}`, count, stations);
  const file = join(by.dir, `${order}.ndjson`);
  const lines = Array.from({ length: count }, (_, place) => {
    const hwid = `${order}-${String(place).padStart(6, '0')}`;
    return JSON.stringify({ hwid, key: new Device().key, order });
  });
  writeFileSync(file, lines.join('\n'));
  const registered = async () =>
    Number((await ok(officer.latchkey('orders', 'show', order, '--json'))).registered);
  return { order, file, lines, registered };
}

interface Told {
  readonly line: number;
  readonly status: string;
  readonly code?: string;
  readonly next?: string;
}

function told({ stdout }: Pick<Ran, 'stdout'>): Told[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"line"'))
    .map((line) => JSON.parse(line));
}

const upTo = (count: number) => Array.from({ length: count }, (_, place) => place + 1);

/** Acts once, when the first answers are told; and again, when the command says that it waits. */
async function inMidRun(
  by: Laptop,
  file: string,
  act: () => unknown,
  mend: () => unknown = () => {},
): Promise<Ran> {
  const waiting = [act, mend];
  by.waits = true;
  by.onOutput = (text) => {
    const wanted = waiting.length === 2 ? '"line"' : 'Going on';
    if (text.includes(wanted)) waiting.shift()?.();
  };
  try {
    return await by.latchkey('modules', 'import', file, '--json');
  } finally {
    by.onOutput = () => {};
    by.waits = false;
  }
}

test('bad lines, duplicates, wrong orders: each is told by its number with what to do, the rest is done', async () => {
  const { order, file, lines, registered } = await batch(station, 4);
  const [one = '', two = '', three = ''] = lines;
  const closed = await batch(station, 1);
  await ok(officer.latchkey('orders', 'close', closed.order, '--why', 'moved', '--json'));
  const foreign = await batch(station, 1, []);
  const copy = JSON.stringify({ ...JSON.parse(one), key: new Device().key });
  const all = [
    one,
    '{',
    two,
    one,
    copy,
    ...closed.lines,
    ...foreign.lines,
    one.replaceAll(order, 'NOWHERE-1'),
    three,
  ];
  writeFileSync(file, all.join('\r\n'));
  const ran = await station.latchkey('modules', 'import', file, '--json');
  assert.equal(ran.exit, 3);
  assert.deepEqual(
    told(ran).map(({ line, status, code }) => [line, code ?? status]),
    [
      [1, 'registered'],
      [2, 'invalid-request'],
      [3, 'registered'],
      [4, 'known'],
      [5, 'module-exists'],
      [6, 'order-closed'],
      [7, 'order-not-yours'],
      [8, 'order-unknown'],
      [9, 'registered'],
    ],
  );
  assert.ok(told(ran).every(({ status, next }) => (status === 'refused') === (next !== undefined)));
  assert.equal(await registered(), 3);
  const { stdout } = await station.latchkey('modules', 'import', file);
  assert.match(stdout, /^line 6, BULK-\d-000000: .* \(order-closed\)$/m);
  assert.match(stdout, /^1 × order-closed\. An officer opens it again: latchkey orders reopen/m);
});

test('the connection breaks in mid-run: it goes on by itself, each line is told once', async () => {
  const { file, registered } = await batch(station);
  const ran = await inMidRun(station, file, way.shut, way.open);
  assert.equal(ran.exit, 0, ran.stderr);
  assert.match(ran.stderr, /Going on in/);
  assert.deepEqual(
    told(ran).map(({ line }) => line),
    upTo(LINES),
  );
  assert.equal(await registered(), LINES);
});

test('no server for long: it ends with 4, and says behind which line to begin; begun there, all is done', async () => {
  const { file, registered } = await batch(station);
  station.onOutput = (text) => {
    if (text.includes('"line"')) void way.shut();
  };
  const ran = await station.latchkey('modules', 'import', file, '--json');
  station.onOutput = () => {};
  await way.open();
  const { error } = JSON.parse(ran.stderr.trim().split('\n').at(-1) ?? '');
  assert.equal(ran.exit, 4);
  assert.equal(error.answered, told(ran).at(-1)?.line);
  assert.match(error.next, new RegExp(`Then run it again.* --after ${error.answered} `));
  const rest = await station.latchkey('modules', 'import', file, '--after', String(error.answered), '--json');
  assert.deepEqual(
    told(rest).map(({ line }) => line),
    upTo(LINES).slice(error.answered),
  );
  assert.equal(await registered(), LINES);
});

test('killed in mid-run: the same command again does the rest, and nothing twice', async () => {
  const { file, registered } = await batch(station);
  const env = { ...process.env, LATCHKEY_HOME: station.dir };
  const child = spawn(process.execPath, [main, 'modules', 'import', file, '--json'], { env });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const again = told(await station.latchkey('modules', 'import', file, '--json'));
  assert.equal(again.length, LINES);
  assert.ok(again.every(({ status }) => status === 'known' || status === 'registered'));
  assert.equal(again[0]?.status, 'known');
  assert.equal(await registered(), LINES);
});

test('the server’s disk is full in mid-run: nothing is half done, and it goes on once there is room', async () => {
  const { file, registered } = await batch(station);
  const pages = (most: number) =>
    sql`pragma max_page_count = ${sql.raw(String(most))}`.execute(world.server.store.write);
  const ran = await inMidRun(
    station,
    file,
    () => pages(1),
    () => pages(1_000_000),
  );
  assert.equal(ran.exit, 0, ran.stderr);
  assert.match(ran.stderr, /The log cannot be written/);
  assert.deepEqual(
    told(ran).map(({ line }) => line),
    upTo(LINES),
  );
  assert.equal(await registered(), LINES);
});

test('an export that is cut goes on behind what came: every module once, and the file is whole', async () => {
  const whole = (await officer.latchkey('modules', 'export')).stdout;
  assert.ok(whole.split('\n').length > 3 * LINES);
  let cuts = 0;
  officer.waits = true;
  officer.onOutput = (text) => {
    if (text.includes('Going on')) void way.open();
    else if (cuts++ === 0) void way.shut();
  };
  const { exit, stdout, stderr } = await officer.latchkey('modules', 'export');
  [officer.onOutput, officer.waits] = [() => {}, false];
  assert.equal(exit, 0, stderr);
  assert.match(stderr, /Going on/);
  assert.equal(stdout, whole);
});

test('a disk that takes no more: no part of an export stays, and the file that was there does', async () => {
  const file = join(officer.dir, 'kept.ndjson');
  writeFileSync(file, 'before\n');
  const limited = [
    '-c',
    'ulimit -f 8; exec "$0" "$@"',
    process.execPath,
    main,
    'modules',
    'export',
    '--out',
    file,
  ];
  const env = { ...process.env, LATCHKEY_HOME: officer.dir, NODE_V8_COVERAGE: '' };
  const [exit, stderr] = await new Promise<[number | null, string]>((resolve) => {
    const child = execFile('sh', [...limited, '--json'], { env }, (_, _out, said) =>
      resolve([child.exitCode, said]),
    );
  });
  const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
  assert.deepEqual([exit, error.code], [1, 'file'], stderr);
  assert.match(error.message, /EFBIG/);
  assert.deepEqual(
    readdirSync(officer.dir).filter((name) => name.startsWith('kept')),
    ['kept.ndjson'],
  );
});

test('what cannot be read is a fault, and not the end of the lines', async () => {
  await fails(station.latchkey('modules', 'import', station.dir, '--json'), 1, 'file');
});

test('a station that is shut out in mid-run: it ends with what happened, and what was done stands', async () => {
  const leaver = await world.enrolled('line-4', 'station');
  const { file, registered } = await batch(leaver, LINES, ['line-4']);
  const ran = await inMidRun(leaver, file, () => officer.latchkey('revoke', 'line-4', '--json'));
  const { error } = JSON.parse(ran.stderr.trim().split('\n').at(-1) ?? '');
  assert.equal(ran.exit, 3, ran.stderr);
  assert.match(error.code, /^(principal-disabled|certificate-revoked)$/);
  assert.equal(error.answered, told(ran).length);
  const stand = await registered();
  assert.ok(stand >= error.answered && stand < LINES, `${stand} of ${LINES}`);
});

test('a certificate that ends in mid-run is renewed, and it goes on', async () => {
  const later = 40 * 86_400_000;
  const worker = await world.enrolled('line-5', 'station');
  const { file } = await batch(worker, LINES, ['line-5']);
  const ran = await inMidRun(worker, file, () => {
    world.server.clock.advance(later);
    worker.now = new Date(worker.now.getTime() + later);
  });
  assert.equal(ran.exit, 0, ran.stderr);
  assert.match(ran.stderr, /Certificate [0-9a-f]{32} ended/);
  assert.deepEqual(
    told(ran).map(({ line }) => line),
    upTo(LINES),
  );
});
