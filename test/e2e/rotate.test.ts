import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { check } from '../../server/commands/check.ts';
import { readConfig } from '../../server/config-file.ts';
import { openPassword } from '../../server/passwords.ts';
import { openServices } from '../../server/services.ts';
import { readDataKeys } from '../../server/store/data-keys.ts';
import { openReader } from '../../server/store/sqlite.ts';
import { type Client, done } from '../fixture/client.ts';
import { Deployment } from '../fixture/deployment.ts';
import { run } from '../fixture/program.ts';
import { Ledger, provision, Worker } from './ledger.ts';

/** Rotation as the operator does it: beside a server under load, and killed at every step. */

/** Of about 50 that a rotation makes. */
const CALLS = 'fsync,fdatasync,pwrite64,link,unlink,rename';
/** Every so many-th of them is one to die at; CI asks for each. */
const STRIDE = Number(process.env['CRASH_STRIDE'] ?? 4);
const dist = join(import.meta.dirname, '../..');

let deployment: Deployment;
let officer: Client;
let station: Client;
const ledger = new Ledger();

before(async () => {
  const made = await Deployment.make();
  deployment = made.deployment;
  const server = await deployment.start();
  officer = await deployment.redeem(made.code);
  station = await deployment.enrol(officer, 'line-1', 'station', 'station');
  await provision(station, ledger);
  server.child.kill();
  await server.gone;
});
after(() => deployment.remove());

const config = () => readConfig(deployment.config);
const file = () => join(config().dataDir, 'latchkey.db');

/** A new server opens the data directory, every password opens, and the log is whole. */
async function judge(when: string): Promise<void> {
  const services = await openServices(config(), {
    clock: () => new Date(),
    random: randomBytes,
    version: '0.0.0-test',
    diagnostics: pino({ level: 'silent' }),
  });
  const rows = await services.read.selectFrom('passwords').selectAll().execute();
  assert.ok(rows.length > 0);
  for (const { hwid, ver, sealed } of rows) {
    assert.match(openPassword(services, hwid, ver, sealed), /^([0-9A-Z]{4}-?){6}$/, when);
  }
  await services.close();
  const differences: string[] = [];
  await check(config(), (difference) => differences.push(difference));
  assert.deepEqual(differences, [], when);
}

/** Runs a rotation that dies at the n-th call, or does not. @returns false where it came to its end */
async function cut(what: string, when: number): Promise<boolean> {
  const inject = `inject=${CALLS}:signal=KILL:when=${when}`;
  const program = [process.execPath, join(dist, 'server/main.js'), '-c', deployment.config, 'rotate', what];
  const child = spawn(
    'strace',
    ['-f', '-qqq', '-o', '/dev/null', '-e', `trace=${CALLS}`, '-e', inject, ...program],
    {
      stdio: 'ignore',
    },
  );
  const [code, signal] = await once(child, 'close');
  if (code === 0) return false;
  assert.equal(signal, 'SIGKILL', `rotate ${what} failed at call ${when} with ${code}`);
  return true;
}

for (const what of ['kek', 'data-key']) {
  test(`rotate ${what}, killed at any step, leaves what a server works with; run again, it ends`, async () => {
    let cuts = 0;
    let halfway = 0;
    for (let when = 1; await cut(what, when); when += STRIDE) {
      cuts += 1;
      if (existsSync(`${config().kek}.next`)) halfway += 1;
      await judge(`rotate ${what}, call ${when}`);
    }
    assert.equal(halfway > 0, what === 'kek', 'with the new KEK beside the old one');
    assert.ok(cuts * STRIDE >= 28, `it was cut only ${cuts} times`);
    await judge('at the end');
    assert.deepEqual(
      readdirSync(dirname(config().kek)).filter((name) => name.endsWith('.next')),
      [],
    );
  });
}

test('beside a server under load: both rotations, then the rows are sealed anew, and nobody notices', async () => {
  const server = await deployment.start();
  const engineer = await deployment.enrol(officer, 'eng-1', 'person', 'engineer');
  const worker = new Worker(engineer, await provision(station, ledger), ledger);
  const working = worker.run(60);
  for (const what of ['data-key', 'kek', 'data-key']) {
    const { code, stderr } = await run('server/main.js', '-c', deployment.config, 'rotate', what).ended;
    assert.equal(code, 0, stderr);
  }
  assert.equal(await working, 60, 'every request was answered');
  const newest = (await dataKeys()).at(-1)?.id ?? '';
  while ((await sealedUnder(newest)) === false) await done(officer.get('/v1/whoami'));
  assert.equal(await worker.run(5), 5);
  server.child.kill();
  await server.gone;
  await judge('after the load');
  assert.equal(existsSync(`${config().kek}.next`), false);
});

async function dataKeys() {
  const { read, close } = openReader(file());
  try {
    return await readDataKeys(read);
  } finally {
    close();
  }
}

/** Whether every password is sealed under this data key by now. */
async function sealedUnder(id: string): Promise<boolean> {
  const { read, close } = openReader(file());
  try {
    const rows = await read.selectFrom('passwords').select('sealed').execute();
    const bytes = id.replaceAll('-', '');
    return rows.every(({ sealed }) => Buffer.from(sealed).toString('hex', 1, 17) === bytes);
  } finally {
    close();
  }
}
