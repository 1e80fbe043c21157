import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { removeAgents } from '../agent.ts';
import { type CustomerServer, customerServer, flaws, type ServerCa, serverCa } from '../tls-server.ts';
import { AgentHome } from './home.ts';
import { certified, latchTls } from './latch-tls.ts';

/** latch-tls on a real TLS server (docs/protocol.md §6.6). */

const source = resolve(import.meta.dirname, '../../../../module/agent');
const HWID = 'LTE4-00A1B2C3D4E5';
let ca: ServerCa;
const servers: CustomerServer[] = [];

before(async () => {
  ca = await serverCa();
});
afterEach(async () => {
  await removeAgents();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
after(() => ca.remove());

async function serve(name: string, from: ServerCa, deviceCa: string): Promise<CustomerServer> {
  const server = await customerServer(await from.issue(name), deviceCa);
  servers.push(server);
  return server;
}

/** One make at a time, since test files run side by side. */
function make(words: readonly string[]): void {
  const made = spawnSync('flock', [source, 'make', '--silent', ...words], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

test('both ends prove themselves: the server knows the module by its hardware ID', async () => {
  const { bench, home } = await certified();
  const server = await serve('localhost', ca, bench.issuer.deviceCa);
  const { code, stdout, stderr } = await latchTls(home, ['check', `localhost:${server.port}`, ca.file]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^localhost:\d+: TLSv1\.[23], /);
  const [peer] = server.met;
  assert.equal(peer?.subject.CN, HWID);
  assert.equal(peer?.subjectaltname, `URI:urn:latchkey:module:${HWID}`);
});

test('connect copies both ways, to the last byte', async () => {
  const { bench, home } = await certified();
  const server = await serve('localhost', ca, bench.issuer.deviceCa);
  const text = `${'0123456789abcdef'.repeat(8192)}end`;
  const { code, stdout, stderr } = await latchTls(
    home,
    ['connect', `localhost:${server.port}`, ca.file],
    text,
  );
  assert.equal(code, 0, stderr);
  assert.ok(stdout === text, `${stdout.length} of ${text.length} characters came back`);
});

test('started without standard output, it does not take the connection for it: nothing goes out in the clear', async () => {
  const { bench, home } = await certified();
  const server = await serve('localhost', ca, bench.issuer.deviceCa);
  const heard: Buffer[] = [];
  const between = createServer((socket) => {
    const on = connect(server.port, 'localhost');
    socket
      .on('data', (bytes) => heard.push(bytes))
      .pipe(on)
      .pipe(socket);
    for (const end of [socket, on]) end.on('error', () => {});
  });
  await once(between.listen(0, 'localhost'), 'listening');
  const { port } = between.address() as AddressInfo;
  const closed = { ...home, tls: ['/bin/sh', '-c', 'exec "$@" >&-', 'sh', ...(home.tls ?? [])] };
  const words = ['connect', `localhost:${port}`, ca.file];
  const { code, stderr } = await latchTls(closed, words, 'what is told in confidence');
  between.close();
  assert.ok(!Buffer.concat(heard).includes('in confidence'));
  assert.equal(code, 0, stderr);
});

test('a false server is refused before anything is said: another CA, another name', async () => {
  const { bench, home } = await certified();
  const false_ = await serverCa('false.test');
  const { deviceCa } = bench.issuer;
  const [stranger, other] = [
    await serve('localhost', false_, deviceCa),
    await serve('elsewhere.test', ca, deviceCa),
  ];
  for (const server of [stranger, other]) {
    const words = ['connect', `localhost:${server.port}`, ca.file];
    const { code, stdout, stderr } = await latchTls(home, words, 'secret');
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, /this is not localhost: /);
    assert.equal(server.met.length, 0);
  }
  const named = ['check', `localhost:${other.port}`, ca.file, 'elsewhere.test'];
  assert.equal(
    (await latchTls(home, named)).code,
    0,
    'the name that is expected may be another than the host',
  );
  const nameless = ['check', `localhost:${other.port}`, ca.file, ''];
  assert.equal((await latchTls(home, nameless)).code, 1, 'no name is no name that any server has');
  false_.remove();
});

/** latch-tls as it goes onto a module, with the mbedTLS that it carries. */
const carried = (['3.6', '2.28'] as const).map((version) => {
  const build = `build/${version === '3.6' ? '' : 'with-2.28/'}musl/latch-tls`;
  const words = ['-C', source, build, `BUILD=${dirname(dirname(build))}`, `MBEDTLS_VERSION=${version}`];
  return { version, words, program: join(source, build) };
});

for (const flaw of flaws) {
  test(`a server whose certificate is ${flaw} is refused, by each mbedTLS (RFC 5280 §4.1.2.5, §4.2.1.3, §4.2.1.12)`, async () => {
    const { bench, home } = await certified();
    const server = await customerServer(await ca.issueFlawed('localhost', flaw), bench.issuer.deviceCa);
    const good = await serve('localhost', ca, bench.issuer.deviceCa);
    servers.push(server);
    for (const { version, words, program } of [
      { version: 'the test build', words: [], program: undefined },
      ...carried,
    ]) {
      if (program !== undefined) make(words);
      const check = (port: number) => latchTls(home, ['check', `localhost:${port}`, ca.file], '', program);
      const { code, stdout, stderr } = await check(server.port);
      assert.deepEqual([code, stdout], [1, ''], `${version}: ${stderr}`);
      assert.match(stderr, /this is not localhost: /, version);
      assert.equal((await check(good.port)).code, 0, version);
    }
    assert.equal(server.met.length, 0);
  });
}

test('a server of TLS 1.1 is refused (RFC 8996)', async () => {
  const { bench, home } = await certified();
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const server = await customerServer(await ca.issue('localhost'), bench.issuer.deviceCa, old);
  servers.push(server);
  const { code, stderr } = await latchTls(home, ['check', `localhost:${server.port}`, ca.file]);
  assert.equal(code, 1);
  assert.match(stderr, /no TLS connection to localhost/);
});

test('a server that does not trust this device CA refuses the module, which says so', async () => {
  const { home } = await certified();
  const server = await serve('localhost', ca, ca.pem);
  const { code, stdout, stderr } = await latchTls(home, ['check', `localhost:${server.port}`, ca.file]);
  assert.deepEqual([code, stdout, server.met.length], [1, '', 0], stderr);
  assert.match(stderr, /no TLS connection|broke the connection off/);
});

test('without a certificate, a CA file or a server there is no connection, and a word why', async () => {
  const { bench, home } = await certified();
  const server = await serve('localhost', ca, bench.issuer.deviceCa);
  const { port } = server;
  const faults: [string[], number, RegExp][] = [
    [['check', `localhost:${port}`, home.path('none')], 1, /cannot read the CA file/],
    [['check', 'localhost', ca.file], 1, /not HOST:PORT/],
    [['check', 'localhost:1', ca.file], 1, /cannot reach localhost:1/],
    [['check', `:${port}`, ca.file], 1, /not HOST:PORT/],
    [['check', 'localhost:', ca.file], 1, /not HOST:PORT/],
    [['check', `localhost:${port}`], 2, /usage/],
    [['check', `localhost:${port}`, ca.file, 'localhost', 'localhost'], 2, /usage/],
    [['nonsense'], 2, /usage/],
  ];
  for (const [words, code, why] of faults) {
    const ended = await latchTls(home, words);
    assert.equal(ended.code, code, words.join(' '));
    assert.match(ended.stderr, why);
  }
  rmSync(home.path('store/tls'));
  const without = await latchTls(home, ['check', `localhost:${port}`, ca.file]);
  assert.match(without.stderr, /no certificate yet/);
});

test('key and certificate are on flash sealed, for the owner alone, and open on no other module', async () => {
  const { bench, home } = await certified();
  const file = home.path('store/tls');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { x } = await bench.csr();
  const bytes = readFileSync(file);
  assert.ok(!bytes.includes(Buffer.from(x, 'base64url')) && !bytes.includes('urn:latchkey:module:'));
  const other = new AgentHome(bench.issuer.firmware, ['LTE4-00A1B2C3D4E6'], '490154203237518', home.tls);
  try {
    for (const name of ['tls', 'state'])
      cpSync(home.path(join('store', name)), other.path(join('store', name)));
    const server = await serve('localhost', ca, bench.issuer.deviceCa);
    for (const words of [['public'], ['check', `localhost:${server.port}`, ca.file]]) {
      const { code, stdout, stderr } = await latchTls(other, words);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /another module's, or broken/);
    }
    assert.equal(server.met.length, 0);
  } finally {
    other.remove();
  }
});
