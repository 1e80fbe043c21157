import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { done } from '../fixture/client.ts';
import { Deployment, type ServerProcess } from '../fixture/deployment.ts';
import { type Ended, run } from '../fixture/program.ts';

let deployment: Deployment;
/** Another configuration over the same data directory: no port of it is taken. */
let beside: string;
let running: ServerProcess | undefined;

before(async () => {
  ({ deployment } = await Deployment.make());
  beside = join(deployment.dir, 'beside.yaml');
  const ports = { api: { port: 0 }, ops: { port: 0 } };
  const written = { ...JSON.parse(readFileSync(deployment.config, 'utf8')), ...ports };
  writeFileSync(beside, JSON.stringify(written));
});
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.gone;
});
after(() => deployment.remove());

async function start(): Promise<number | undefined> {
  running = await deployment.start();
  assert.equal(running.child.exitCode, null, 'it ended instead of listening');
  return running.child.pid;
}

/** A second server; one that is let in would never end by itself. */
async function second(): Promise<Ended> {
  const { child, firstLine, ended } = run('server/main.js', '-c', beside, 'start');
  firstLine.then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  return ended;
}

async function assertRefused(holder: RegExp): Promise<void> {
  const { code, stdout, stderr } = await second();
  assert.deepEqual({ code, stdout }, { code: 3, stdout: '' });
  assert.match(stderr, holder);
  assert.match(
    stderr,
    /^latchkey-server: .*data is in use: .* stop that one first .*or set another dataDir\n$/,
  );
}

test('a second server of a data directory is refused, whatever its ports, and told which process has it', async () => {
  const pid = await start();
  const before = await deployment.anonymous('/log/checkpoint');
  await assertRefused(new RegExp(`in use: process ${pid} serves it`));
  const { bytes } = await done(deployment.anonymous('/log/checkpoint'));
  assert.deepEqual(bytes, before.bytes, 'the one that was refused wrote nothing');
});

test('a server that is killed holds nothing: the next starts at once, and has its own name there', async () => {
  await start();
  running?.child.kill('SIGKILL');
  await running?.gone;
  await assertRefused(new RegExp(`in use: process ${await start()} serves it`));
});

test('who cannot be told for sure is not named: a number that a dead process left, another machine’s', async () => {
  const dead = run('server/main.js', '--version');
  await dead.ended;
  await start();
  const nameplate = join(deployment.dir, 'data/latchkey.pid');
  for (const [left, said] of [
    [`${dead.child.pid} ${hostname()}\n`, /in use: another process serves it/],
    ['17 elsewhere\n', /in use: process 17 on elsewhere serves it/],
    ['', /in use: another process serves it/],
  ] as const) {
    writeFileSync(nameplate, left);
    await assertRefused(said);
  }
});

test('check, doctor, init and revoke run beside a server, and take nothing from it', async () => {
  await start();
  for (const [command, words] of [
    ['check', /the log is whole/],
    ['doctor', /ok +log/],
    ['init', /this is a new code/],
    ['revoke officer', /officer has no certificate/],
  ] as const) {
    const args = ['-c', deployment.config, ...command.split(' ')];
    const { code, stdout, stderr } = await run('server/main.js', ...args).ended;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, words);
  }
  await assertRefused(/serves it/);
  running?.child.kill('SIGTERM');
  await running?.gone;
  assert.equal(running?.child.exitCode, 0);
});
