import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { interrupted } from '../../cli/failure.ts';
import type { RunningModule } from '../../module/simulator/start.ts';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop, type Ran } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** Ctrl-C at any point leaves no locked port, and says how the unlock stands and how to go on. */

const HWID = 'LTE4-00A1B2C3D4E5';
const DEFAULT_POLICY = join(import.meta.dirname, '../../deploy/policies/default.cedar');
const FOUR_EYES = `
@need("an approval")
forbid (principal, action == Action::"issue", resource) unless { context.approvals >= 1 };
`;

let dir: string;
let world: World;
let engineer: Laptop;
let module: RunningModule;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'latchkey-policy-'));
  const policyFile = join(dir, 'four-eyes.cedar');
  writeFileSync(policyFile, readFileSync(DEFAULT_POLICY, 'utf8') + FOUR_EYES);
  world = await startWorld({ policyFile });
  engineer = await world.enrolled('alice', 'engineer');
  const station = await world.enrolled('line-1', 'station');
  module = await world.module(HWID);
  await ok(station.latchkey('provision', '--port', module.atPath, '--order', 'A-7731', '--json'));
});
after(async () => {
  await world.stop();
  rmSync(dir, { recursive: true });
});

/** A command that runs until it waits for an approval; fails where it ends first. */
async function untilWaiting(...more: string[]): Promise<{ running: Promise<Ran>; terminal: Laptop }> {
  let waits = () => {};
  const waiting = new Promise<void>((resolve) => {
    waits = resolve;
  });
  const terminal = engineer.terminal((text) => /waits for approval/.test(text) && waits());
  const at = ['--port', module.atPath, '--hwid', HWID];
  const running = terminal.latchkey('unlock', ...at, '--json', ...more);
  await Promise.race([waiting, running.then(({ stderr }) => assert.fail(stderr))]);
  return { running, terminal };
}

test('while an approval is waited for the port is free; Ctrl-C leaves the unlock waiting, to be continued', async () => {
  const first = await untilWaiting('--reason', 'needs two');
  const [{ id }] = (await ok(engineer.latchkey('unlocks', 'list', '--state', 'waiting', '--json'))).items;
  assert.equal((await ok(engineer.latchkey('status', '--port', module.atPath, '--json'))).state, 'locked');
  first.terminal.interrupt.abort(interrupted());
  const error = await fails(first.running, 130, 'interrupted');
  assert.deepEqual([error.unlock, error.stage], [id, 'requested']);
  assert.match(error.next, /stays waiting: run the same command again/);

  const again = await untilWaiting();
  await ok(engineer.latchkey('unlocks', 'cancel', id, '--json'));
  assert.equal((await fails(again.running, 3, 'unlock-cancelled')).unlock, id);
});

test('Ctrl-C while a module is silent closes the port at once', async () => {
  const silent = createServer();
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
  const port = `tcp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const terminal = laptop();
  const running = terminal.latchkey('status', '--port', port, '--json');
  const [socket] = await once(silent, 'connection');
  socket.resume();
  terminal.interrupt.abort(interrupted());
  await Promise.all([once(socket, 'close'), fails(running, 130, 'interrupted')]);
  silent.close();
  terminal.remove();
});
