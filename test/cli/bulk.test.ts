import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Device } from '../fixture/device.ts';
import { fails, ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** Many modules at once, from a file or a pipe. */

let world: World;
let station: Laptop;
let officer: Laptop;

before(async () => {
  world = await startWorld();
  [station, officer] = [await world.enrolled('line-1', 'station'), await world.enrolled('olga', 'officer')];
});
after(() => world.stop());

function module(hwid: string): string {
  return JSON.stringify({ hwid, key: new Device().key, order: 'A-7731' });
}

function read(stdout: string) {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a file of modules: refused lines are told by number, the rest is done; again, nothing changes', async () => {
  const file = join(station.dir, 'modules.ndjson');
  writeFileSync(file, `${module('BULK-0001')}\n\nnot json\n${module('BULK-0002')}\n`);
  const ran = await station.latchkey('modules', 'import', file);
  assert.equal(ran.exit, 3);
  assert.match(ran.stdout, /^line 3: The line is not JSON in UTF-8\. \(invalid-request\)$/m);
  assert.match(ran.stdout, /^3 lines: .*2 registered/m);
  const again = await station.latchkey('modules', 'import', file, '--json');
  const lines = read(again.stdout);
  assert.deepEqual(lines.at(-1).summary, { known: 2, refused: 1 });
  assert.deepEqual(
    lines.slice(0, 3).map(({ line, status }) => [line, status]),
    [
      [1, 'known'],
      [3, 'refused'],
      [4, 'known'],
    ],
  );
  await fails(station.latchkey('modules', 'import', join(station.dir, 'none'), '--json'), 2, 'file-missing');
});

test('from a pipe; a terminal shows how far it is', async () => {
  let shown = '';
  const terminal = station.terminal((text) => {
    shown += text;
  });
  terminal.stdin = `${module('BULK-0003')}\n`;
  const ran = await terminal.latchkey('modules', 'import', '-');
  assert.equal(ran.exit, 0, ran.stderr);
  assert.match(ran.stdout, /^1 lines: 1 registered\.$/m);
  assert.match(shown.split('\r\x1b[K')[1] ?? '', /^· 0 lines/);
  assert.ok(shown.endsWith('\r\x1b[K1 lines: 1 registered.\n'), JSON.stringify(shown));
  const file = join(station.dir, 'three.ndjson');
  writeFileSync(file, `${module('BULK-0003')}\n`);
  shown = '';
  await terminal.latchkey('modules', 'import', file);
  assert.match(shown.split('\r\x1b[K')[1] ?? '', /^\[#*-*\] {2,}\d+ % {2}0 lines/);
});

test('an officer labels a module, and exports all of an order', async () => {
  const set = ['modules', 'set', 'BULK-0001', '--customer', 'Acme Metering', '--json'];
  assert.equal((await ok(officer.latchkey(...set))).status, 'updated');
  assert.equal((await ok(officer.latchkey(...set))).status, 'known');
  await fails(officer.latchkey('modules', 'set', 'BULK-9999', '--model', 'x', '--json'), 3, 'module-unknown');
  await fails(officer.latchkey('modules', 'set', 'BULK-0001', '--json'), 2, 'nothing-to-set');
  await fails(station.latchkey(...set), 3, 'forbidden');
  const words = ['modules', 'export', '--order', 'A-7731', '--after', 'BULK-0000'] as const;
  const { stdout } = await officer.latchkey(...words);
  const exported = read(stdout);
  assert.deepEqual(
    exported.map(({ hwid, customer }) => [hwid, customer]),
    [
      ['BULK-0001', 'Acme Metering'],
      ['BULK-0002', null],
      ['BULK-0003', null],
    ],
  );
  const file = join(officer.dir, 'exported.ndjson');
  assert.deepEqual(await ok(officer.latchkey(...words, '--out', file, '--json')), { file, modules: 3 });
  assert.equal(readFileSync(file, 'utf8'), stdout);
});
