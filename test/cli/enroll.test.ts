import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { generateRsa } from '../../keys/material.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import { testKeys } from '../fixture/keys.ts';
import { issueCertificates, type Laptop, type Life, laptop } from './laptop.ts';
import { problem, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const NOW = new Date('2026-03-01T08:00:00Z');
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000);

let server: ScriptedServer;
let bench: Laptop;
let life: Life;

before(async () => {
  server = await scriptedServer();
});
after(() => server.close());
beforeEach(async () => {
  bench = laptop(NOW);
  life = { from: NOW, to: hours(12) };
  server.seen.length = 0;
  server.clock = () => bench.now;
  await issueCertificates(server, () => life);
});

afterEach(() => bench.remove());

const posted = (path: string) => server.seen.filter((one) => one.method === 'POST' && one.path === path);
const file = (name: string) => join(bench.dir, name);

test('a code makes a home: private, with what the code says to trust (DESIGN section 6)', async () => {
  const ran = await bench.latchkey('enroll', server.code(), '--json');
  assert.deepEqual([ran.exit, ran.stderr], [0, '']);
  assert.equal(JSON.parse(ran.stdout).principal, 'alice');
  assert.equal(statSync(bench.dir).mode & 0o777, 0o700);
  for (const name of ['profile.json', 'identity.pem', 'keys.json', 'log.json']) {
    assert.equal(statSync(file(name)).mode & 0o777, 0o600, name);
  }
  assert.equal(existsSync(file('next-key.json')), false);
  assert.equal(JSON.parse(readFileSync(file('log.json'), 'utf8')).checkpoint, server.log.checkpoint);
});

test('the code is read from a pipe, or asked for on a terminal: its secret needs no argv (DESIGN section 6)', async () => {
  bench.stdin = `${server.code()}\n`;
  assert.equal((await bench.latchkey('enroll')).exit, 0);
  bench.remove();
  const shown: string[] = [];
  const terminal = bench.terminal((text) => shown.push(text));
  terminal.stdin = `${server.code()}\n`;
  assert.equal((await terminal.latchkey('enroll')).exit, 0);
  assert.match(shown.join(''), /Paste the enrolment code: /);
});

test('the code’s secret goes to no server whose CA is another', async () => {
  const code = server.code();
  const other = Buffer.from(code.slice('LATCHKEY1-'.length), 'base64url').subarray(0, -4);
  other[0] = (other[0] ?? 0) ^ 1;
  const sum = createHash('sha256').update('LATCHKEY1-').update(other).digest().subarray(0, 4);
  const wrong = `LATCHKEY1-${Buffer.concat([other, sum]).toString('base64url')}`;
  const ran = await bench.latchkey('enroll', wrong, '--json');
  assert.equal(ran.exit, 4);
  assert.equal(JSON.parse(ran.stderr).error.code, 'server-untrusted');
  assert.deepEqual(server.seen, []);
});

test('the code’s secret goes to no server that shows other roots', async () => {
  const [first, second] = (await Promise.all([generateRsa(4096), generateRsa(4096)])).map(rsaJwk);
  const { iss, manifests } = (await testKeys()).keys;
  const honest = server.routes.get('GET /v1/keys') ?? (() => 'hang-up');
  const shown = { iss, roots: [first, second], manifests: manifests.map(({ jws }) => jws) };
  server.routes.set('GET /v1/keys', () => ({ body: shown }));
  const ran = await bench.latchkey('enroll', server.code(), '--json');
  server.routes.set('GET /v1/keys', honest);
  assert.equal(ran.exit, 6);
  assert.equal(JSON.parse(ran.stderr).error.code, 'manifest-untrusted');
  assert.deepEqual(posted('/v1/enrolments/redeem'), []);
});

test('an enrolment cut off after the key was stored goes on with the same key', async () => {
  const code = server.code();
  server.routes.set('POST /v1/enrolments/redeem', () => 'hang-up');
  const cut = await bench.latchkey('enroll', code);
  assert.equal(cut.exit, 4);
  await issueCertificates(server, () => life);
  assert.equal((await bench.latchkey('enroll', code)).exit, 0);
  const keys = posted('/v1/enrolments/redeem').map(({ body }) => JSON.stringify(body));
  assert.equal(new Set(keys).size, 1);
  assert.ok(keys.length > 1);
});

test('a refused code is told with its code and what to do, and exit 3', async () => {
  server.routes.set('POST /v1/enrolments/redeem', () => ({ status: 410, body: problem('code-expired') }));
  const ran = await bench.latchkey('enroll', server.code(), '--json');
  assert.equal(ran.exit, 3);
  assert.equal(JSON.parse(ran.stderr).error.code, 'code-expired');
  assert.equal(ran.stdout, '');
});

test('a certificate with a third of its life left is renewed once, by whatever command comes', async () => {
  await bench.latchkey('enroll', server.code());
  server.routes.set('GET /v1/whoami', () => ({ status: 403, body: problem('forbidden') }));
  bench.now = hours(7.9);
  await bench.latchkey('whoami');
  assert.equal(posted('/v1/certificates/renew').length, 0);
  bench.now = hours(8);
  life = { from: hours(8), to: hours(20) };
  await bench.latchkey('whoami');
  await bench.latchkey('whoami');
  assert.equal(posted('/v1/certificates/renew').length, 1);
});

test('a renewal cut off posts the stored key again, and no second one (DESIGN section 6)', async () => {
  await bench.latchkey('enroll', server.code());
  server.routes.set('POST /v1/certificates/renew', () => 'hang-up');
  assert.equal((await bench.latchkey('renew')).exit, 4);
  assert.ok(existsSync(file('next-key.json')));
  await issueCertificates(server, () => life);
  assert.equal((await bench.latchkey('renew')).exit, 0);
  const [first, ...rest] = posted('/v1/certificates/renew');
  for (const one of rest) assert.deepEqual([one.body, one.serial], [first?.body, first?.serial]);
  assert.equal(existsSync(file('next-key.json')), false);
});

test('two commands at once renew once: the home is locked (DESIGN section 6)', async () => {
  await bench.latchkey('enroll', server.code());
  server.routes.set('GET /v1/whoami', () => ({ status: 403, body: problem('forbidden') }));
  bench.now = hours(9);
  life = { from: hours(9), to: hours(21) };
  await Promise.all([bench.latchkey('whoami'), bench.latchkey('whoami')]);
  assert.equal(posted('/v1/certificates/renew').length, 1);
});

test('a failed renewal matters only once the certificate is over', async () => {
  await bench.latchkey('enroll', server.code());
  server.routes.set('POST /v1/certificates/renew', () => ({ status: 403, body: problem('renewal-refused') }));
  server.routes.set('GET /v1/whoami', () => ({ status: 403, body: problem('forbidden') }));
  bench.now = hours(9);
  const early = await bench.latchkey('whoami');
  assert.match(early.stderr, /could not be renewed/);
  assert.equal(posted('/v1/certificates/renew').length, 1);
  assert.ok(server.seen.some(({ path }) => path === '/v1/whoami'));
  bench.now = hours(13);
  const late = await bench.latchkey('whoami', '--json');
  assert.equal(JSON.parse(late.stderr).error.code, 'renewal-refused');
});

test('a home that others can read is refused, and the text says how to close it', async () => {
  await bench.latchkey('enroll', server.code());
  chmodSync(file('identity.pem'), 0o644);
  const ran = await bench.latchkey('whoami', '--json');
  assert.equal(JSON.parse(ran.stderr).error.code, 'home-exposed');
  assert.match(JSON.parse(ran.stderr).error.next, /chmod go=/);
});

test('a home takes no code of another server', async () => {
  await bench.latchkey('enroll', server.code());
  const other = await scriptedServer();
  try {
    const ran = await bench.latchkey('enroll', other.code(randomBytes(32)), '--json');
    assert.deepEqual([ran.exit, JSON.parse(ran.stderr).error.code], [2, 'home-taken']);
    assert.deepEqual(other.seen, []);
  } finally {
    await other.close();
  }
});

test('an unknown or damaged code is told before anything is sent', async () => {
  const [damaged, foreign] = [server.code().slice(0, -3), 'hello'];
  for (const [code, expected] of [
    [damaged, 'mangled'],
    [foreign, 'not-a-code'],
  ]) {
    const ran = await bench.latchkey('enroll', code ?? '', '--json');
    assert.deepEqual([ran.exit, JSON.parse(ran.stderr).error.code], [2, expected]);
  }
  assert.deepEqual(server.seen, []);
});
