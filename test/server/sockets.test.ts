import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { UnlockWait } from '../../protocol/api/unlocks.ts';
import { TIMEOUTS, type Timeouts } from '../../server/sockets.ts';
import { done } from '../fixture/client.ts';
import { Device } from '../fixture/device.ts';
import { ordered } from '../fixture/orders.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';

let server: TestServer | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.stop();
  server = undefined;
});

/** A server that is patient with everything but one thing. */
function impatient(short: Partial<Timeouts>): Promise<TestServer> {
  const long = 60_000;
  const timeouts = { handshake: long, headers: long, request: long, keepAlive: long, silence: long };
  return started({}, { ...timeouts, linger: long, check: 20, ...short });
}

async function started(overrides: Record<string, unknown>, timeouts?: Timeouts): Promise<TestServer> {
  server = await startServer(overrides, new TestClock(), timeouts);
  return server;
}

/** A client that does not send what it does not say here, and does not hang up by itself. */
async function tcp(port: number): Promise<Socket> {
  return opened(connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true }), 'connect');
}

async function tls({ running, services }: TestServer): Promise<Socket> {
  const { certificate: ca } = services.keys.ca;
  const socket = await tcp(running.api.port);
  return opened(connectTls({ socket, servername: 'localhost', ca }), 'secureConnect');
}

async function opened(socket: Socket, event: string): Promise<Socket> {
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, event);
  return socket;
}

/** All that the server says until it hangs up. */
async function said(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  return Buffer.concat(chunks).toString();
}

/** Waits until so many connections to the api are open: a moment, where the server does its part. */
async function connections({ running }: TestServer, count: number): Promise<void> {
  const open = async () => /^latchkey_connections (\d+)$/m.exec(await running.metrics.text())?.[1];
  for (const end = performance.now() + 10_000; (await open()) !== String(count); await setImmediate()) {
    assert.ok(performance.now() < end, `${await open()} connections are open, not ${count}`);
  }
}

/** A socket that nobody closes would be waited for without end. */
const limit = { timeout: 20_000 };

test('the api has so many connections and no more; who leaves makes room', limit, async () => {
  const plenty = { perSecond: 1000, burst: 1000 };
  const flooded = await started({ limits: { address: plenty, principal: plenty, connections: 3 } });
  const { port } = flooded.running.api;
  const flood = await Promise.all([tcp(port), tcp(port), tcp(port)]);
  await connections(flooded, 3);
  assert.equal(await said(await tcp(port)), '');
  await assert.rejects(flooded.anonymous().get('/log/checkpoint'));
  await connections(flooded, 3);
  flood[0]?.destroy();
  await connections(flooded, 2);
  await done(flooded.anonymous().get('/log/checkpoint'));
});

test('ops has 64 connections and no more', limit, async () => {
  const { running } = await started({});
  const { port } = running.ops;
  await Promise.all(Array.from({ length: 64 }, () => tcp(port)));
  assert.equal(await said(await tcp(port)), '');
});

test('who does not begin TLS is cut off', limit, async () => {
  const hurried = await impatient({ handshake: 100 });
  const silent = await tcp(hurried.running.api.port);
  assert.equal(await said(silent), '');
  await connections(hurried, 0);
});

test('who sends no header, or half of one, is told so and cut off, on both listeners', limit, async () => {
  const hurried = await impatient({ headers: 100, linger: 100 });
  const [silent, slow] = await Promise.all([tls(hurried), tls(hurried)]);
  slow.write('GET /v1/keys HTTP/1.1\r\nHost: loc');
  assert.match(await said(silent), /^HTTP\/1\.1 400 .*"code":"invalid-request".*took too long/s);
  assert.match(await said(slow), /^HTTP\/1\.1 400 /);
  await connections(hurried, 0);
  assert.match(await said(await tcp(hurried.running.ops.port)), /^HTTP\/1\.1 408 /);
});

test('who is told so and sends on is cut off nevertheless (RFC 9112 §9.6)', limit, async (t) => {
  const hurried = await impatient({ headers: 100, linger: 100 });
  const slow = await tls(hurried);
  const trickle = setInterval(() => slow.write('a'), 10);
  t.after(() => clearInterval(trickle));
  slow.write('GET /v1/keys HTTP/1.1\r\nX: ');
  await connections(hurried, 0);
});

test('who does not send the body that was announced is told so and cut off', limit, async () => {
  const hurried = await impatient({ headers: 100, request: 100, linger: 100 });
  const slow = await tls(hurried);
  slow.write(
    'POST /v1/enrolments/redeem HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  assert.match(await said(slow), /^HTTP\/1\.1 400 .*took too long/s);
  await connections(hurried, 0);
});

test('who asks nothing more is cut off', limit, async () => {
  const hurried = await impatient({ keepAlive: 100 });
  const done = await tls(hurried);
  done.write('GET /log/checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(await said(done), /^HTTP\/1\.1 200 /);
  await connections(hurried, 0);
});

test('who does not read the answers is cut off', limit, async () => {
  const hurried = await impatient({ silence: 500 });
  const deaf = await tls(hurried);
  deaf.pause().write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(400));
  await connections(hurried, 0);
});

test('the longest long poll is over before silence is', () => {
  const seconds = String(TIMEOUTS.silence / 1000);
  assert.equal(UnlockWait.safeParse({ wait: seconds }).success, false);
});

test('whatever target is asked for, the app answers: in absolute form, in none, or `*` (RFC 9112 §3.2)', async () => {
  const running = await started({});
  for (const [target, status] of [
    ['https://localhost/v1/keys', '200'],
    ['/v1/keys#fragment', '200'],
    ['http://[::1', '404'],
    ['http://localhost:99999/v1/keys', '404'],
    ['*', '404'],
  ] as const) {
    const socket = await tls(running);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const answer = await said(socket);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), target);
    assert.match(answer, /^Request-Id: /m, target);
  }
});

test('who sends on behind the last answer of an import is cut off', limit, async (t) => {
  const hurried = await impatient({ request: 200, linger: 100 });
  const [officer, station] = [await hurried.client('officer'), await hurried.client('station', 'line-1')];
  const sent = request(`${hurried.origin}/v1/modules/import`, {
    ...{ method: 'POST', agent: station.agent, headers: { 'Content-Type': 'application/x-ndjson' } },
  });
  sent.on('error', () => undefined);
  const { hwid, key } = new Device();
  const line = JSON.stringify({ hwid, key, order: await ordered(hurried.services, 'PO-1', 1, ['line-1']) });
  sent.write('{}\n');
  const [response] = await once(sent, 'response');
  response.resume();
  await done(officer.post('/v1/principals/line-1/disable'));
  sent.write(`${line}\n`);
  await once(response, 'end');
  const trickle = setInterval(() => sent.write(`${line}\n`), 10);
  t.after(() => clearInterval(trickle));
  await once(sent, 'close');
});
