import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ok } from '../answers.ts';
import type { Laptop } from '../laptop.ts';
import { startWorld, type World } from '../world.ts';
import { type Gate, gate } from './gate.ts';
import { imeiOf } from './line.ts';

/** The CLI is killed at each system call that writes the journal or delivers it: nothing lost, nothing twice. */

const main = join(import.meta.dirname, '../../../cli/main.js');

let world: World;
let station: Laptop;
let way: Gate;

before(async () => {
  world = await startWorld();
  way = await gate(world.server);
  station = await world.enrolled('line-1', 'station');
  way.lead(station);
  // The offline bundle is fetched by any run.
  const { atPath } = await world.module('FIRST-0000001', imeiOf(1));
  await ok(station.latchkey('provision', '--order', 'A-7731', '--port', atPath, '--json'));
});
after(async () => {
  await way.shut();
  await world.stop();
});

const journal = async () => ok(station.latchkey('journal', 'list', '--json'));
const orderNow = async () => ok(station.latchkey('orders', 'show', 'A-7731', '--json'));

interface Ended {
  readonly signal: string | null;
  /** System calls on files of the journal, in order: each with how many of its name came before it. */
  readonly points: readonly Point[];
}

interface Point {
  readonly call: string;
  readonly place: number;
}

const CALLS = 'openat,write,fsync,rename,unlink';

/** latchkey in a process of its own, traced; killed as it enters the call at `point`. */
function latchkey(point: Point | undefined, ...args: string[]): Promise<Ended> {
  const trace = join(station.dir, '..', 'trace');
  const kill = point === undefined ? [] : ['-e', `inject=${point.call}:signal=SIGKILL:when=${point.place}`];
  const strace = [
    '-f',
    '-qq',
    '-y',
    '-o',
    trace,
    '-e',
    `trace=${CALLS}`,
    ...kill,
    process.execPath,
    main,
    ...args,
  ];
  const env = { ...process.env, LATCHKEY_HOME: station.dir };
  return new Promise((resolve) => {
    const child = execFile('strace', strace, { env, timeout: 120_000 }, () =>
      resolve({ signal: child.signalCode, points: pointsOf(readFileSync(trace, 'utf8')) }),
    );
  });
}

/** Files are written by the main thread, whose calls strace counts for themselves. */
function pointsOf(trace: string): Point[] {
  const seen = new Map<string, number>();
  const [main = ''] = trace.split(' ', 1);
  return trace.split('\n').flatMap((line) => {
    const [, pid, call = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (pid !== main) return [];
    const place = (seen.get(call) ?? 0) + 1;
    seen.set(call, place);
    return /\/journal/.test(line) && !/O_RDONLY/.test(line) ? [{ call, place }] : [];
  });
}

const names = (entries: readonly { hwid: string }[]) => entries.map(({ hwid }) => hwid).sort();

test('killed at each step of the journal’s write: the next run has the module in the journal, once', async () => {
  await way.shut();
  const at = async (name: string) => [
    '--order',
    'A-7731',
    '--port',
    (await world.module(name, imeiOf(2))).atPath,
  ];
  const whole = await latchkey(undefined, 'provision', ...(await at('WRITE-0000000')));
  // Its bytes are on disk before its name is, and the name before it goes on: a power cut leaves all or nothing.
  assert.equal(whole.points.map(({ call }) => call).join(' '), 'openat write fsync rename fsync');
  const made = ['WRITE-0000000'];
  for (const [place, point] of whole.points.entries()) {
    const name = `WRITE-000000${place + 1}`;
    const args = await at(name);
    const { signal } = await latchkey(point, 'provision', ...args);
    // How many files Node opens and writes to before, the port too, may differ; how many it flushes does not.
    const exact = point.call !== 'openat' && point.call !== 'write';
    if (exact) assert.equal(signal, 'SIGKILL', JSON.stringify(point));
    const again = await ok(station.latchkey('provision', ...args, '--json'));
    assert.equal(again.status, 'journaled');
    if (exact) assert.equal(again.already, true);
    made.push(name);
  }
  assert.deepEqual(names((await journal()).waiting), made.sort());
});

test('killed at each step of the delivery: every module is confirmed once, and none waits', async () => {
  await way.open();
  const [{ waiting }, before] = [await journal(), await orderNow()];
  for (let step = 0; (await journal()).waiting.length > 0; step++) {
    assert.ok(step < 2 * waiting.length, 'each second run gets one further');
    // Once the server has the first entry and before it is gone; then the same of the second.
    const point = { call: 'unlink', place: 1 + (step % 2) };
    const { signal } = await latchkey(point, 'journal', 'deliver');
    if (step === 0) assert.equal(signal, 'SIGKILL');
  }
  await ok(station.latchkey('journal', 'deliver', '--json'));
  const after = await orderNow();
  assert.deepEqual(
    [after.registered - before.registered, after.confirmed - before.confirmed],
    [waiting.length, waiting.length],
  );
  assert.deepEqual(await journal(), { waiting: [], refused: [], damaged: [] });
});
