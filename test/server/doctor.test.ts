import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { pino } from 'pino';
import { doctor } from '../../server/commands/doctor.ts';
import { init } from '../../server/commands/init.ts';
import type { Config } from '../../server/config.ts';
import { parseConfig } from '../../server/config-file.ts';
import type { Finding } from '../../server/doctor/finding.ts';
import type { Machine } from '../../server/doctor/machine.ts';
import type { Ambient } from '../../server/services.ts';
import { Sqlite } from '../../sqlite/driver.ts';
import { copyTree } from '../fixture/copy.ts';

const top = mkdtempSync(join(tmpdir(), 'latchkey-'));
const dir = join(top, 'copy');
const good: Machine = { node: '24.1.0', cores: 2, threads: 4 };
const places = 'dataDir: data\nkek: etc/kek\nroots: roots\n';

before(async () => {
  const config = parseConfig(places, 'latchkey.yaml', join(top, 'made'));
  mkdirSync(join(top, 'made'));
  await init(config, ambient());
});
beforeEach(() => copyTree(join(top, 'made'), dir));
afterEach(() => rmSync(dir, { recursive: true }));
after(() => rmSync(top, { recursive: true }));

function ambient(ahead = 0): Ambient {
  const clock = () => new Date(Date.now() + ahead);
  return { clock, random: randomBytes, version: '0.0.0-test', diagnostics: pino({ level: 'silent' }) };
}

/** Ports 0 unless a test says otherwise: what this machine listens on is not what is tested. */
function configured(more = 'api: {port: 0}\nops: {port: 0}\n'): Config {
  return parseConfig(places + more, 'latchkey.yaml', dir);
}

async function find(name: string, config = configured(), machine = good, ahead = 0): Promise<Finding> {
  const findings = await doctor(config, ambient(ahead), machine);
  return findings.find((finding) => finding.name === name) ?? assert.fail(`no finding ${name}`);
}

function is(finding: Finding, state: Finding['state'], words: RegExp): void {
  assert.equal(finding.state, state, finding.detail);
  assert.match(`${finding.detail} → ${finding.next ?? ''}`, words);
  assert.equal(finding.next === undefined, state === 'ok', 'a next step on all but ok');
}

test('a fresh server fails nowhere; roots and the missing officer are warnings', async () => {
  const findings = await doctor(configured(), ambient(), good);
  const states = Object.fromEntries(findings.map(({ name, state }) => [name, state]));
  assert.deepEqual(states, {
    node: 'ok',
    threads: 'ok',
    disk: states['disk'],
    names: 'ok',
    'api port': 'ok',
    'ops port': 'ok',
    policy: 'ok',
    kek: 'ok',
    keys: 'ok',
    roots: 'warning',
    manifest: 'ok',
    'data keys': 'ok',
    log: 'ok',
    clock: 'ok',
    officers: 'warning',
  });
});

test('where there is no database, doctor says init; where there was one, restore', async () => {
  for (const name of readdirSync(join(dir, 'data'))) {
    if (name.startsWith('latchkey.db')) rmSync(join(dir, 'data', name));
  }
  is(await find('server'), 'failed', /restore the database/);
  rmSync(join(dir, 'data'), { recursive: true });
  is(await find('server'), 'failed', /latchkey-server init makes it/);
  assert.ok(!existsSync(join(dir, 'data')), 'doctor makes nothing');
});

test('an old Node fails, a small thread pool is a warning', async () => {
  is(await find('node', configured(), { ...good, node: '20.18.0' }), 'failed', /install Node 24/);
  is(await find('node', configured(), { ...good, node: '20.19.0' }), 'ok', /1\.8 times/);
  is(await find('threads', configured(), { ...good, cores: 8 }), 'warning', /UV_THREADPOOL_SIZE=8/);
});

test('an ops listener that others reach, and an api that nobody can name, are warnings', async () => {
  is(await find('names', configured('ops: {host: 0.0.0.0, port: 0}')), 'warning', /ops\.host/);
  is(await find('names', configured('api: {host: 0.0.0.0, port: 0}')), 'warning', /set iss before init/);
});

test('a taken port is a warning that says whose it may be', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  is(await find('api port', configured(`api: {port: ${port}}`)), 'warning', /this server running/);
  other.close();
});

test('custody: a KEK that is gone, a key that others read, roots that are offline', async () => {
  rmSync(join(dir, 'roots'), { recursive: true });
  is(await find('roots'), 'ok', /not here/);
  chmodSync(join(dir, 'data/keys/ca.pem'), 0o644);
  is(await find('keys'), 'failed', /chmod 600/);
  rmSync(join(dir, 'etc/kek'));
  is(await find('kek'), 'failed', /restore the KEK/);
});

for (const name of ['log.pem', 'issuer-1.pem', 'ca.crt']) {
  test(`${name} missing from a server that was in use: doctor names it, restore it, and never init`, async () => {
    rmSync(join(dir, 'data/keys', name));
    const words = new RegExp(`${name.replace('.', '\\.')}.*restore it from a backup.*never from init`);
    is(await find('keys'), 'failed', words);
    is(await find('manifest'), 'failed', words);
  });
}

test('an init that was cut off before its one commit is run again', async () => {
  const database = new Sqlite(join(dir, 'data/latchkey.db'));
  database.exec('DELETE FROM manifests');
  database.close();
  is(await find('manifest'), 'failed', /init was cut off.*run latchkey-server init again/);
});

test('an access CA in its last year is a warning', async () => {
  const nineteen = 19.5 * 365.25 * 86_400_000;
  is(await find('keys', configured(), good, nineteen), 'warning', /the access CA ends/);
});

test('a policy file that does not parse fails, with its line', async () => {
  writeFileSync(join(dir, 'own.cedar'), 'permit (principal, action\n');
  is(await find('policy', configured('policyFile: own.cedar')), 'failed', /own\.cedar:\d+/);
});

test('a clock behind the newest event fails', async () => {
  is(await find('clock', configured(), good, -3_600_000), 'failed', /set the clock/);
});

test('a database older than the checkpoint’s copy fails; a missing copy is a warning', async () => {
  const older = join(top, 'older');
  copyTree(join(dir, 'data'), older);
  await init(configured('api: {port: 8443}'), ambient());
  for (const name of readdirSync(join(dir, 'data'))) {
    if (name.startsWith('latchkey.db')) rmSync(join(dir, 'data', name));
  }
  cpSync(join(older, 'latchkey.db'), join(dir, 'data/latchkey.db'));
  is(await find('log'), 'failed', /older copy/);
  rmSync(join(dir, 'data/checkpoint'));
  is(await find('log'), 'warning', /no copy/);
});
