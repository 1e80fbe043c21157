import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { pino } from 'pino';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { decodeEnrolmentCode } from '../../protocol/enrolment-code.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import { InitRefused, type Invitation, init } from '../../server/commands/init.ts';
import { readConfig } from '../../server/config-file.ts';
import { disablePrincipal } from '../../server/decisions/principals.ts';
import { redeem } from '../../server/decisions/redeem.ts';
import { type Ambient, openServices } from '../../server/services.ts';
import { Sqlite } from '../../sqlite/driver.ts';
import { clientKey } from '../fixture/client.ts';
import { copyTree } from '../fixture/copy.ts';
import { codeFor } from '../fixture/enrolled.ts';
import { type Ended, type Program, run } from '../fixture/program.ts';
import { caller, principal } from '../fixture/unlocks.ts';

const top = mkdtempSync(join(tmpdir(), 'latchkey-'));
const made = join(top, 'made');
const dir = join(top, 'copy');
const file = join(dir, 'latchkey.yaml');
let first: Invitation;

/** One initialized directory for all tests; each works on a copy. */
before(async () => {
  const port = await freePort();
  mkdirSync(made);
  writeFileSync(
    join(made, 'latchkey.yaml'),
    `dataDir: data\nkek: etc/kek\nroots: roots\napi: {port: ${port}}\nops: {port: 0}\n`,
  );
  const { code, stdout, stderr } = await server(
    join(made, 'latchkey.yaml'),
    'init',
    '--json',
    '--officer',
    'alice',
  ).ended;
  assert.equal(code, 0, stderr);
  first = JSON.parse(stdout);
});
beforeEach(() => copyTree(made, dir));
afterEach(() => rmSync(dir, { recursive: true }));
after(() => rmSync(top, { recursive: true }));

function server(config: string, ...args: string[]): Program {
  return run('server/main.js', '--config', config, ...args);
}

function again(...args: string[]): Promise<Ended> {
  return server(file, 'init', '--json', ...args).ended;
}

function ambient(now: () => Date = () => new Date()): Ambient {
  return { clock: now, random: randomBytes, version: '0.0.0-test', diagnostics: pino({ level: 'silent' }) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

async function eventTypes(): Promise<string[]> {
  const services = await openServices(readConfig(file), ambient());
  const { items } = await services.reader.search({ limit: 100 });
  await services.close();
  return items.map(({ event }) => event.type);
}

/** Redeems a code as `latchkey enroll` does. */
async function enroll(code: string): Promise<void> {
  const services = await openServices(readConfig(file), ambient());
  const { n } = rsaJwk(await clientKey(0));
  const { secret } = decodeEnrolmentCode(code);
  await redeem({ secret, key: { kty: 'RSA', n, e: 'AQAB' } }, services);
  await services.close();
}

function keyFiles(): Map<string, string> {
  const names = ['data/keys', 'roots', 'etc'].flatMap((name) =>
    readdirSync(join(dir, name)).map((entry) => join(dir, name, entry)),
  );
  return new Map(names.sort().map((name) => [name, readFileSync(name, 'utf8')]));
}

test('init makes all that start needs, open to nobody else, and the code names it (section 6)', async () => {
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    if (name === 'latchkey.yaml') continue;
    const found = statSync(join(dir, name));
    assert.equal(found.mode & 0o777, found.isDirectory() ? 0o700 : 0o600, name);
  }
  const services = await openServices(readConfig(file), ambient());
  const code = decodeEnrolmentCode(first.code);
  assert.equal(code.server, services.config.api.origin);
  assert.equal(code.ca, services.keys.ca.fingerprint);
  assert.deepEqual(
    code.roots,
    services.keys.roots.map(({ kid }) => kid),
  );
  await services.close();
  assert.equal(first.officer, 'alice');
  assert.ok(first.made);
  assert.deepEqual(await eventTypes(), [
    'server.initialized',
    'keys.published',
    'principal.created',
    'enrolment.created',
  ]);
});

test('init again, before any officer has enrolled, makes a new code only', async () => {
  const before = keyFiles();
  const { code, stdout } = await again();
  assert.equal(code, 0);
  const second: Invitation = JSON.parse(stdout);
  assert.equal(second.officer, 'alice');
  assert.equal(second.made, false);
  assert.notEqual(second.code, first.code);
  assert.deepEqual(keyFiles(), before);
  assert.deepEqual((await eventTypes()).slice(4), ['enrolment.created']);
});

test('once an officer has enrolled, init refuses, says what to do, and changes nothing', async () => {
  await enroll(first.code);
  const before = await eventTypes();
  const { code, stdout, stderr } = await again('--officer', 'mallory');
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /officer alice has enrolled: nothing was changed.*latchkey invite/);
  assert.deepEqual(await eventTypes(), before);
});

test('when the last officer’s way back has ended, init makes a code again', async () => {
  await enroll(first.code);
  const days = (count: number) => () => new Date(Date.now() + count * 86_400_000);
  const config = readConfig(file);
  // A certificate of 12 hours renews for 72 hours more.
  await assert.rejects(init(config, ambient(days(3))), InitRefused);
  const { officer, made } = await init(config, ambient(days(4)));
  assert.deepEqual({ officer, made }, { officer: 'alice', made: false });
});

test('the code is for an officer who is enabled; init brings nobody back', async () => {
  await enroll(first.code);
  const services = await openServices(readConfig(file), ambient());
  const alice = caller(['officer'], 'alice');
  await principal(services, ['officer'], 'otto');
  await codeFor(services, 'otto');
  await disablePrincipal('alice', alice, services);
  await services.close();
  const config = readConfig(file);
  await assert.rejects(
    init(config, ambient(), 'alice'),
    /alice has been disabled: name another one with --officer/,
  );
  assert.equal((await init(config, ambient())).officer, 'otto');
});

test('an init that was killed among its keys leaves no server; the next finishes it', async () => {
  removeServer();
  mkdirSync(join(dir, 'data/keys'), { recursive: true, mode: 0o700 });
  chmodSync(join(dir, 'data'), 0o700);
  await killedAt(join(dir, 'data/keys'), 'log.pem');
  const key = readFileSync(join(dir, 'data/keys/log.pem'), 'utf8');
  const { code, stderr } = await server(file, 'start').ended;
  assert.equal(code, 3, stderr);
  const { made, officer } = JSON.parse((await again()).stdout);
  assert.deepEqual({ made, officer }, { made: true, officer: 'officer' });
  assert.ok([...keyFiles().keys()].every((name) => !name.endsWith('.partial')));
  assert.equal(readFileSync(join(dir, 'data/keys/log.pem'), 'utf8'), key);
});

test('an init that fails wherever it draws randomness is finished by the next', async () => {
  const failingAt = (draw: number): Ambient => {
    let draws = 0;
    const random = (length: number) => {
      if (draws++ === draw) throw new Error('cut off');
      return randomBytes(length);
    };
    return { ...ambient(), random };
  };
  const begun = ['server.initialized', 'keys.published', 'principal.created', 'enrolment.created'];
  for (let draw = 0; ; draw += 1) {
    rmSync(join(dir, 'etc'), { recursive: true });
    for (const name of [...databaseFiles(), join(dir, 'data/checkpoint')]) rmSync(name);
    rmSync(join(dir, 'data/keys/ca.crt'));
    const result = await init(readConfig(file), failingAt(draw)).catch((error: Error) => error.message);
    if (result !== 'cut off') {
      assert.ok(draw > 8, `${draw} draws`);
      break;
    }
    await init(readConfig(file), ambient());
    assert.deepEqual(await eventTypes(), begun, `after draw ${draw}`);
  }
});

test('a server of before there was a device CA gets one when it is opened, but never in place of a lost one', async () => {
  const files = ['device-ca.pem', 'device-ca.crt'].map((name) => join(dir, 'data/keys', name));
  const lose = () => files.forEach((name) => void rmSync(name));
  lose();
  await eventTypes();
  const made = files.map((name) => readFileSync(name, 'utf8'));
  await eventTypes();
  assert.deepEqual(
    files.map((name) => readFileSync(name, 'utf8')),
    made,
  );
  const database = new Sqlite(join(dir, 'data/latchkey.db'));
  database.pragma('foreign_keys = off');
  database.exec(`INSERT INTO tls_certificates VALUES ('LTE4-0001', 'k', 'd', '01', 'c', 'n', 'i', 'b')`);
  database.close();
  await eventTypes();
  lose();
  await assert.rejects(eventTypes(), /device-ca\.pem is not there: restore it from a backup/);
});

function removeServer(): void {
  for (const name of ['data', 'roots', 'etc']) rmSync(join(dir, name), { recursive: true });
}

function databaseFiles(): string[] {
  const names = readdirSync(join(dir, 'data')).filter((name) => name.startsWith('latchkey.db'));
  return names.map((name) => join(dir, 'data', name));
}

/** Runs init, and kills it the moment that `name` appears in `directory`. */
async function killedAt(directory: string, name: string): Promise<void> {
  const watching = watch(directory);
  const { child, ended } = server(file, 'init');
  watching.on('change', (_kind, found) => {
    if (found === name) child.kill('SIGKILL');
  });
  assert.equal((await ended).code, null, `init ended before ${name} appeared`);
  watching.close();
}

test('start serves, and counts, until SIGTERM, then ends with 0; the log says that it started', async () => {
  const { child, firstLine, ended } = server(file, 'start');
  const listening = JSON.parse(await firstLine);
  assert.equal(listening.msg, 'listening');
  const metrics = await (await fetch(`http://127.0.0.1:${listening.ops.port}/metrics`)).text();
  for (const value of [
    'log_available 1',
    'log_events 5',
    'modules_flagged 0',
    'unlocks_unaccounted 0',
    'roots_present 1',
  ]) {
    assert.ok(metrics.includes(`\nlatchkey_${value}\n`), metrics);
  }
  child.kill('SIGTERM');
  assert.equal((await ended).code, 0);
  assert.equal((await eventTypes()).at(-1), 'server.started');
});

test('start ends where a port is taken, and leaves no listener behind', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const written = readFileSync(file, 'utf8');
  for (const listener of ['api', 'ops']) {
    writeFileSync(file, written.replace(new RegExp(`${listener}: .*`), `${listener}: {port: ${port}}`));
    const { code, stderr } = await server(file, 'start').ended;
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`port ${port} is taken by another process.*doctor`));
  }
  other.close();
  assert.ok(!(await eventTypes()).includes('server.started'));
});

test('start where nothing was initialized refuses, and makes nothing', async () => {
  rmSync(join(dir, 'data'), { recursive: true });
  const { code, stderr } = await server(file, 'start').ended;
  assert.equal(code, 3);
  assert.match(stderr, /run latchkey-server init/);
  assert.ok(!existsSync(join(dir, 'data')));
});

test('a lost database is not replaced by an empty one: the checkpoint beside it tells', async () => {
  for (const name of databaseFiles()) rmSync(name);
  const { code, stderr } = await again();
  assert.equal(code, 4);
  assert.match(stderr, /the database is empty, but a checkpoint was signed/);
});

test('another KEK does not open the data keys, and start says so', async () => {
  writeFileSync(join(dir, 'etc/kek'), `${encodeBase64url(randomBytes(32))}\n`);
  const { code, stderr } = await server(file, 'start').ended;
  assert.equal(code, 3);
  assert.match(stderr, /was not wrapped by this KEK/);
});

test('check ends with 0 for a whole log, without any private key, and with 4 for one that was changed', async () => {
  for (const [name, content] of keyFiles()) if (content.includes('PRIVATE KEY')) rmSync(name);
  const whole = await server(file, 'check').ended;
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /^4 events: the log is whole/);

  const database = new Sqlite(join(dir, 'data/latchkey.db'));
  database.exec("update principals set roles = '[\"auditor\"]' where name = 'alice'");
  database.close();
  const changed = await server(file, 'check', '--json').ended;
  assert.equal(changed.code, 4);
  assert.equal(JSON.parse(changed.stdout).differences.length, 1);
});

test('faults of configuration end with 2, before anything is made', async () => {
  writeFileSync(file, 'iss: Nonsense!\ncolour: red\n');
  const { code, stderr } = await again();
  assert.equal(code, 2);
  assert.match(stderr, /:1: iss: .*\n.*:2: colour: no such key/);
});
