import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { interrupted } from '../../../cli/failure.ts';
import type { Laptop, Ran } from '../laptop.ts';
import { startWorld, type World } from '../world.ts';
import { cable, imeiOf, type Made, read } from './line.ts';

/** A line where modules come and go: what is plugged in is provisioned by itself. */

let world: World;
let station: Laptop;

before(async () => {
  world = await startWorld();
  station = await world.enrolled('line-1', 'station');
});
after(() => world.stop());

/** A run with --watch that a test follows: what it says, and its end by Ctrl-C. */
function watch(...args: string[]) {
  const terminal = station.terminal();
  terminal.waits = true;
  let said = '';
  let heard: () => void = () => {};
  terminal.onOutput = (text) => {
    said += text;
    heard();
  };
  const running = terminal.latchkey('provision', '--order', 'A-7731', '--watch', '--json', ...args);
  return {
    async until(sight: RegExp): Promise<void> {
      while (!sight.test(said)) {
        const more = new Promise<void>((resolve) => {
          heard = resolve;
        });
        await Promise.race([more, running.then(({ stdout, stderr }) => assert.fail(stdout + stderr))]);
      }
    },
    async stop(): Promise<Ran & { made: Made[] }> {
      terminal.interrupt.abort(interrupted());
      const ran = await running;
      return { ...ran, ...read(ran) };
    },
  };
}

/** A slot whose port is there only while a module is in it, as a USB port is. */
function socket(name: string) {
  const path = join(station.dir, name);
  mkdirSync(station.dir, { recursive: true });
  return {
    path,
    plug: (port: string) => symlinkSync(port, path),
    unplug: () => rmSync(path),
  };
}

test('a module taken out and the next put in: each is provisioned by itself; one that comes back is told, not done again', async () => {
  const [first, second] = [
    await world.module('WATCH-000001', imeiOf(1)),
    await world.module('WATCH-000002', imeiOf(2)),
  ];
  const slot = socket('usb-0');
  const line = watch('--port', slot.path);
  slot.plug(first.atPath);
  await line.until(/WATCH-000001.*confirmed/);
  slot.unplug();
  slot.plug(second.atPath);
  await line.until(/WATCH-000002.*confirmed/);
  slot.unplug();
  slot.plug(first.atPath);
  await line.until(/WATCH-000001 is done already in this run/);
  const { exit, made, summary } = { summary: undefined, ...(await line.stop()) };
  assert.deepEqual(
    made.map(({ hwid, status, already }) => [hwid, status, already]),
    [
      ['WATCH-000001', 'confirmed', false],
      ['WATCH-000002', 'confirmed', false],
    ],
  );
  assert.equal(exit, 0, JSON.stringify(summary));
});

test('behind a port that stays, as a console server’s, the next module is found by asking for it', async () => {
  const [first, second] = [
    await world.module('STAYS-000001', imeiOf(3)),
    await world.module('STAYS-000002', imeiOf(4), { at: { tcp: 0 } }),
  ];
  const port = Number(new URL(second.atPath).port);
  await second.stop();
  const again = await world.module('STAYS-000003', imeiOf(5), { at: { tcp: port } });
  const line = watch('--ports', `tcp://127.0.0.1:${port},${first.atPath}`);
  await line.until(/STAYS-000003.*confirmed/);
  await again.stop();
  await world.module('STAYS-000004', imeiOf(6), { at: { tcp: port } });
  await line.until(/STAYS-000004.*confirmed/);
  const { exit, made } = await line.stop();
  assert.deepEqual([exit, made.length], [0, 3]);
});

test('one that failed is tried again once it was out, and not before; what is done in the end counts', async () => {
  const module = await world.module('AGAIN-000001', imeiOf(7), { at: { tcp: 0 } });
  const lead = await cable(module.atPath);
  lead.cut = { at: /"provision"/, heard: true };
  const line = watch('--port', lead.port);
  await line.until(/AGAIN-000001.*failed.*port-gone/);
  await lead.out();
  lead.cut = undefined;
  lead.in();
  await line.until(/AGAIN-000001.*confirmed/);
  const { exit, made } = await line.stop();
  await lead.close();
  assert.deepEqual([exit, made.map(({ status }) => status)], [0, ['failed', 'confirmed']]);
});
