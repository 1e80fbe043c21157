import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { customerServer, type ServerCa, serverCa } from '../module/tls-server.ts';
import type { Laptop } from './laptop.ts';
import type { Made } from './line/line.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let station: Laptop;
let ca: ServerCa;

before(async () => {
  [world, ca] = await Promise.all([startWorld(), serverCa()]);
  station = await world.enrolled('line-1', 'station');
});
after(async () => {
  await world.stop();
  ca.remove();
});

const provision = (port: string, hwid: string, ...more: string[]) =>
  station.latchkey('provision', '--port', port, '--hwid', hwid, '--order', 'A-7731', ...more);

test('a station has a module’s TLS key certified, and with it the module meets a customer’s server', async () => {
  const hwid = 'TLS-00000001';
  const module = await world.module(hwid);
  assert.equal((await provision(module.atPath, hwid)).exit, 0);
  const file = join(station.dir, '..', 'device-ca.crt');
  const words = ['tls-key', '--port', module.atPath, '--hwid', hwid, '--ca', file] as const;
  const first = await station.latchkey(...words);
  assert.equal(first.exit, 0, first.stderr);
  assert.match(first.stdout, /^Module TLS-00000001 has certificate [0-9a-f]{32} for its TLS key, until /);
  const again = await station.latchkey(...words, '--json');
  const { serial, log } = JSON.parse(again.stdout);
  assert.ok(first.stdout.includes(serial));
  assert.equal(log, null, 'the same certificate again');

  const identity = module.tlsIdentity();
  assert.ok(identity);
  const server = await customerServer(await ca.issue('localhost'), readFileSync(file, 'utf8'));
  const socket = connect({ host: 'localhost', port: server.port, ca: ca.pem, ...identity });
  socket.write('hello');
  await new Promise((resolve) => socket.once('data', resolve));
  assert.equal(server.met[0]?.subject.CN, hwid);
  socket.destroy();
  await server.stop();
});

test('provision --tls-key does both, and run again it goes on where it stopped', async () => {
  const hwid = 'TLS-00000002';
  const module = await world.module(hwid);
  for (const already of [false, true]) {
    const { exit, stdout, stderr } = await provision(module.atPath, hwid, '--tls-key', '--json');
    assert.equal(exit, 0, stderr);
    const one = JSON.parse(stdout) as Made;
    assert.deepEqual([one.hwid, one.status, one.already], [hwid, 'confirmed', already]);
    assert.ok(module.tlsIdentity());
  }
  const { items } = await world.server.services.reader.search({ hwid, type: 'module.certified', limit: 10 });
  assert.equal(items.length, 1);
});

test('a module that is not provisioned, or is not confirmed, gets none, and is told why', async () => {
  const hwid = 'TLS-00000003';
  const module = await world.module(hwid);
  const words = ['tls-key', '--port', module.atPath, '--hwid', hwid] as const;
  const before = await station.latchkey(...words);
  assert.equal(before.exit, 5);
  assert.match(before.stderr, /latchkey provision/);
  const officer = await world.server.client('officer');
  assert.equal((await provision(module.atPath, hwid)).exit, 0);
  const suspended = await officer.post(`/v1/modules/${hwid}/suspend`, { why: 'for the test' });
  assert.equal(suspended.status, 200);
  const refused = await station.latchkey(...words, '--json');
  assert.equal(refused.exit, 3);
  assert.equal(JSON.parse(refused.stderr.trim().split('\n').at(-1) ?? '').error.code, 'module-inactive');
  assert.equal(module.tlsIdentity(), undefined);
});

test('who is neither station nor officer is refused by policy', async () => {
  const hwid = 'TLS-00000004';
  const module = await world.module(hwid);
  assert.equal((await provision(module.atPath, hwid)).exit, 0);
  const alice = await world.enrolled('alice', 'engineer');
  const { exit, stderr } = await alice.latchkey('tls-key', '--port', module.atPath, '--hwid', hwid);
  assert.equal(exit, 3, stderr);
});
