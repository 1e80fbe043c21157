import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** A file that the user asked for is there whole, or not at all: the disk may be full. */

const HWID = 'LTE4-00A1B2C3D4E5';
const main = join(import.meta.dirname, '../../cli/main.js');
/** ulimit's blocks of 512 bytes, or in some shells 1024: files of the home are smaller, and a bundle is larger. */
const BLOCKS = '8';

let world: World;
let engineer: Laptop;
let id: string;
let at: string[];
let desk: string;

before(async () => {
  world = await startWorld();
  engineer = await world.enrolled('alice', 'engineer');
  const station = await world.enrolled('line-1', 'station');
  at = ['--port', (await world.module(HWID)).atPath, '--json'];
  await ok(station.latchkey('provision', ...at, '--order', 'A-7731'));
  const asked = await ok(engineer.latchkey('unlock', ...at, '--hwid', HWID, '--reason', 'to be kept'));
  await ok(engineer.latchkey('lock', ...at));
  id = asked.unlock.id;
  desk = join(engineer.dir, 'desk');
  mkdirSync(desk, { mode: 0o700 });
});
after(() => world.stop());

/** latchkey in a process of its own, started by another program. */
function latchkey(starter: readonly string[], ...args: string[]) {
  const [program = '', ...before] = [...starter, process.execPath, main, ...args, '--json'];
  const env = { ...process.env, LATCHKEY_HOME: engineer.dir };
  return new Promise<{ exit: number; error?: { code: string; message: string; next: string } }>((resolve) => {
    const child = execFile(program, before, { env, timeout: 60_000 }, (_, _stdout, stderr) => {
      const last = stderr.trim().split('\n').at(-1) ?? '';
      resolve({ exit: child.exitCode ?? -1, ...(last.startsWith('{') && JSON.parse(last)) });
    });
  });
}

/** No file may grow beyond `blocks`: write(2) then writes a part and says EFBIG, as it says ENOSPC of a disk. */
const full = (blocks: string) => ['sh', '-c', `ulimit -f ${blocks}; exec "$0" "$@"`];

test('a bundle that does not fit on the disk is not there, and neither is a part of it', async () => {
  const file = join(desk, 'unlock.bundle');
  const { exit, error } = await latchkey(full(BLOCKS), 'bundle', id, '--out', file);
  assert.deepEqual([exit, error?.code], [1, 'file']);
  assert.match(`${error?.message} ${error?.next}`, /unlock\.bundle: EFBIG.*has room/);
  assert.deepEqual(readdirSync(desk), []);
  await ok(engineer.latchkey('bundle', id, '--out', file, '--json'));
  await ok(engineer.latchkey('verify', file, '--json'));
  assert.deepEqual([readdirSync(desk), statSync(file).mode & 0o777], [['unlock.bundle'], 0o600]);
});

test('a bench file that does not fit leaves the one that was there as it was', async () => {
  const file = join(desk, 'bench.json');
  const ask = ['challenge', '--out', file, '--port', at[1] ?? ''];
  assert.equal((await latchkey([], ...ask)).exit, 0);
  const before = readFileSync(file);
  const { exit, error } = await latchkey(full('1'), ...ask);
  assert.deepEqual([exit, error?.code], [1, 'file']);
  assert.deepEqual(readFileSync(file), before);
  assert.ok(!readdirSync(desk).some((name) => name.endsWith('.new')));
});

test('a file system without links (FAT, on a stick) takes a bundle too, and none is overwritten', async () => {
  const file = join(desk, 'stick.bundle');
  const calls = 'link,linkat';
  const stick = [
    'strace',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:error=EPERM`,
  ];
  assert.equal((await latchkey(stick, 'bundle', id, '--out', file)).exit, 0);
  await ok(engineer.latchkey('verify', file, '--json'));
  const before = readFileSync(file);
  assert.equal((await latchkey(stick, 'bundle', id, '--out', file)).error?.code, 'file-exists');
  assert.deepEqual(readFileSync(file), before);
});

test('what is no file is not replaced by one', async () => {
  const pipe = join(desk, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const { error } = await latchkey([], 'challenge', '--out', pipe, '--port', at[1] ?? '');
  assert.match(error?.message ?? '', /pipe: it is not a file/);
  assert.ok(statSync(pipe).isFIFO());
});
