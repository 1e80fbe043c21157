import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encrypt } from 'unixcrypt';
import { type ModuleOptions, startModule } from '../../module/simulator/start.ts';
import { challenge, give, HostPort, provision } from './host.ts';
import { testIssuer } from './issuer.ts';

const issuer = await testIssuer();
const PASSWORD = 'K7QD-3MZP-9RTV-X2HB-6WJN-4FCY';
const HASH = encrypt(PASSWORD, '$6$rounds=1000$saltsalt');

function options(t: TestContext, more: Partial<ModuleOptions> = {}): ModuleOptions {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-module-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return { dir, hwid: 'LTE4-00A1B2C3D4E5', imei: '490154203237518', roots: issuer.firmware, ...more };
}

for (const [kind, ports] of [
  ['pseudo-terminals', {}],
  ['tcp sockets', { at: { tcp: 0 }, console: { tcp: 0 } }],
] as const) {
  test(`over ${kind}: provisioned, unlocked, logged in, locked, silent`, async (t) => {
    const module = await startModule(options(t, ports));
    const at = await HostPort.open(module.atPath);
    const console = await HostPort.open(module.consolePath);
    await console.write('root\r\rwho is there?\r');
    await provision(at, issuer, HASH);
    assert.match(
      await give(at, 'unlock', await issuer.token(await challenge(at, 900))),
      /"open","console",900,/,
    );
    const greeting = await console.until(/login: /);
    assert.match(
      greeting,
      /^\r\nLatchkey simulated module LTE4-00A1B2C3D4E5\r\n\r\nlogin: $/,
      'nothing before it',
    );
    await console.write('root\r');
    await console.until(/Password: /);
    await console.write(`${PASSWORD}\r`);
    await console.until(/~ # /);
    await console.write('cat /etc/os-release\r');
    assert.match(await console.until(/~ # /), /ID=latchkey-module/);
    assert.match(await at.at('AT+QLATCH="lock"'), /"locked","/);
    await console.write('uname -a\r');
    assert.match(await at.at('AT+QLATCH?'), /"locked",0,"LTE4-00A1B2C3D4E5",1\r\n/);
    await Promise.all([at.close(), console.close()]);
    await module.stop();
  });
}

test('bytes pass a pseudo-terminal as they are: no line discipline stands between', async (t) => {
  const module = await startModule(options(t));
  const at = await HostPort.open(module.atPath);
  assert.equal(await at.at('AT'), 'AT\r\r\nOK\r\n');
  await at.write('\x03\x04\x11\x13\x1a\x7f\xff\n');
  assert.equal(await at.until(/\n/), '\x03\x04\x11\x13\x1a\x7f\xff\n');
  assert.equal(await at.at('ATE0'), 'ATE0\r\r\nOK\r\n');
  await at.close();
  await module.stop();
});

test('a pseudo-terminal is raw before anybody sets it so', async (t) => {
  const module = await startModule(options(t));
  const file = openSync(module.atPath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  writeSync(file, 'AT\r');
  let heard = '';
  while (!heard.includes('OK')) {
    await new Promise((resolve) => setImmediate(resolve));
    heard += readWaiting(file);
  }
  assert.equal(heard, 'AT\r\r\nOK\r\n');
  closeSync(file);
  await module.stop();
});

test('console output that nobody read before the lock is not there after it', async (t) => {
  const module = await startModule(options(t));
  const at = await HostPort.open(module.atPath);
  await provision(at, issuer, HASH);
  await give(at, 'unlock', await issuer.token(await challenge(at, 900)));
  await at.at('AT+QLATCH="lock"');
  const file = openSync(module.consolePath, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  assert.equal(readWaiting(file), '');
  closeSync(file);
  await at.close();
  await module.stop();
});

test('on tcp the newest host has the port (ser2net, kickolduser)', async (t) => {
  const module = await startModule(options(t, { at: { tcp: 0 }, console: { tcp: 0 } }));
  const old = connect(Number(new URL(module.atPath).port), '127.0.0.1');
  await once(old, 'connect');
  const at = await HostPort.open(module.atPath);
  assert.match(await at.at('AT'), /OK/);
  if (!old.closed) await once(old.resume(), 'close');
  await at.close();
  await module.stop();
});

test('a host may come and go, on either kind of port', async (t) => {
  for (const at of ['pty', { tcp: 0 }] as const) {
    const module = await startModule(options(t, { at }));
    for (let count = 0; count < 3; count++) {
      const host = await HostPort.open(module.atPath);
      assert.match(await host.at('AT+QLATCH?'), /"unprovisioned",0/);
      await host.close();
    }
    await module.stop();
  }
});

test('it remembers in its directory: stopped while open, it is closed/stop, and the same module again', async (t) => {
  const chosen = options(t);
  const first = await startModule(chosen);
  let at = await HostPort.open(first.atPath);
  await provision(at, issuer, HASH);
  const identity = await at.at('AT+QLATCH="identity"');
  await give(at, 'unlock', await issuer.token(await challenge(at, 900)));
  await at.close();
  await first.stop();
  const second = await startModule(chosen);
  at = await HostPort.open(second.atPath);
  assert.equal(await at.at('AT+QLATCH="identity"'), identity);
  assert.match(await at.at('AT+QLATCH?'), /"locked",0,/);
  assert.deepEqual(whys(await at.at('AT+QLATCH="receipts",0')), [undefined, undefined, 'stop']);
  await at.close();
  await second.stop();
});

test('reboot cuts the power: the ports stay, the session does not', async (t) => {
  const module = await startModule(options(t));
  const at = await HostPort.open(module.atPath);
  await provision(at, issuer, HASH);
  await give(at, 'unlock', await issuer.token(await challenge(at, 900)));
  await at.at('ATE0');
  await module.reboot();
  assert.match(await at.at('AT+QLATCH?'), /^AT\+QLATCH\?\r\r\n\+QLATCH: "locked",0,/, 'echo is on again');
  assert.deepEqual(whys(await at.at('AT+QLATCH="receipts",0')), [undefined, undefined, 'reboot']);
  await at.close();
  await module.stop();
});

test('it locks itself on the real clock, and says so', async (t) => {
  const module = await startModule(options(t));
  const at = await HostPort.open(module.atPath);
  await provision(at, issuer, HASH);
  await give(at, 'unlock', await issuer.token(await challenge(at, 1)));
  assert.equal(await at.until(/\+QLATCHIND.*\r\n/), '\r\n+QLATCHIND: "locked","timeout"\r\n');
  assert.match(await at.at('AT+QLATCH?'), /"locked",0,/);
  await at.close();
  await module.stop();
});

test('a paced port takes as long as its baud rate says, one way after the other', async (t) => {
  const module = await startModule(options(t, { baud: 115_200 }));
  const at = await HostPort.open(module.atPath);
  await at.at('ATE0');
  const began = performance.now();
  const line = `AT+QLATCH="data",0,"${'A'.repeat(256)}"`;
  let bytes = 0;
  for (let count = 0; count < 4; count++) bytes += line.length + 1 + (await at.at(line)).length;
  const least = (bytes / 11_520) * 1000;
  const took = performance.now() - began;
  assert.ok(took > least * 0.95, `${bytes} bytes took ${took} ms, not ${least}`);
  await at.close();
  await module.stop();
});

test('output that nobody reads is lost in the end, and holds nothing up', async (t) => {
  const module = await startModule(options(t));
  const host = await HostPort.open(module.atPath);
  await host.close();
  const line = 'x'.repeat(300);
  const flood = await HostPort.open(module.atPath);
  for (let count = 0; count < 50; count++) await flood.write(`${line}\r`);
  await flood.close();
  const at = await HostPort.open(module.atPath);
  await at.write('\r');
  assert.match(await at.at('AT+QLATCH?'), /"unprovisioned"/);
  await at.close();
  await module.stop();
});

test('links keep their names, and go when it stops', async (t) => {
  const chosen = options(t);
  const linkDir = join(chosen.dir, 'ports');
  const module = await startModule({ ...chosen, linkDir });
  assert.deepEqual([module.atPath, module.consolePath], [join(linkDir, 'at'), join(linkDir, 'console')]);
  assert.match(readlinkSync(module.atPath), /^\/dev\/pts\//);
  const at = await HostPort.open(module.atPath);
  assert.match(await at.at('AT'), /OK/);
  await at.close();
  await module.stop();
  assert.throws(() => lstatSync(module.atPath), { code: 'ENOENT' });
});

test('several run at once, and leave no descriptor behind', async (t) => {
  const round = async () => {
    const modules = await Promise.all([
      startModule(options(t, { hwid: 'LTE4-AAAAAAAA' })),
      startModule(options(t, { hwid: 'LTE4-BBBBBBBB', at: { tcp: 0 }, console: { tcp: 0 } })),
    ]);
    for (const [index, name] of ['LTE4-AAAAAAAA', 'LTE4-BBBBBBBB'].entries()) {
      const at = await HostPort.open(modules[index]?.atPath ?? '');
      assert.ok((await at.at('AT+QLATCH?')).includes(`"${name}"`));
      await at.close();
    }
    await Promise.all(modules.map((module) => module.stop()));
  };
  await round();
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 5; count++) await round();
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('a module that no server could know is a mistake of the caller', async (t) => {
  for (const wrong of [{ hwid: 'short' }, { imei: '49015420323751' }, { firmware: 'x'.repeat(65) }]) {
    await assert.rejects(startModule(options(t, wrong)), TypeError);
  }
});

/** What a descriptor that does not block has to give. */
function readWaiting(file: number): string {
  const bytes = Buffer.alloc(4096);
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return '';
    throw error;
  }
}

/** `why` of each receipt in an answer. */
function whys(answer: string): (string | undefined)[] {
  return [...answer.matchAll(/"receipt","[\w-]+\.([\w-]+)\./g)].map(
    ([, payload = '']) => JSON.parse(Buffer.from(payload, 'base64url').toString()).why,
  );
}
