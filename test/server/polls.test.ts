import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect } from 'node:tls';
import { type Answer, Client, clientKey, done, refused } from '../fixture/client.ts';
import { enrolled } from '../fixture/enrolled.ts';
import { startServer, type TestServer } from '../fixture/server.ts';

/** What one principal may have held. */
const MOST = 16;

let server: TestServer;
let alice: Client;
let bob: Client;
let gone: AbortController;
/** How many are held by `hold`. */
let held: number;

before(async () => {
  server = await startServer();
  alice = await server.client('auditor', 'alice');
  bob = await server.client('auditor', 'bob');
});
beforeEach(() => {
  gone = clients();
  held = 0;
});
afterEach(goAway);
after(() => server.stop());
const warnings: string[] = [];
process.on('warning', ({ message }) => warnings.push(message));

/** Waits until so many requests have no answer yet: a moment, where the server does its part. */
async function inFlight(count: number): Promise<void> {
  const { metrics } = server.running;
  for (const end = performance.now() + 5000; metrics.inFlight !== count; await setImmediate()) {
    assert.ok(performance.now() < end, `${metrics.inFlight} requests are held, not ${count}`);
  }
}

/** Waits for an event that has not happened. */
async function poll(client: Client, wait = 60): Promise<Answer> {
  return client.get(`/v1/events?limit=1&after=1000000&wait=${wait}`, { signal: gone.signal });
}

/** More polls that nobody reads the answer of. */
async function hold(client: Client, count: number, wait?: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) poll(client, wait).catch(() => undefined);
  held += count;
  await inFlight(held);
}

/** All clients hang up. */
async function goAway(): Promise<void> {
  gone.abort();
  held = 0;
  await inFlight(0);
  gone = clients();
}

/** What many clients hang up by. */
function clients(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

test('a principal has 16 long polls at once; one more is refused, and told when the first ends', async () => {
  await hold(alice, 1, 20);
  await hold(alice, MOST - 1);
  const { headers, json } = await refused('rate-limited', poll(alice));
  assert.match(String(json['detail']), /^alice has 16 requests waiting/);
  assert.equal(headers['retry-after'], String(json['retryAfter']));
  const seconds = Number(headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 20, `${seconds} s`);
});

test('it is the principal who pays, on whatever connection, and for nothing else than waiting', async () => {
  await hold(alice, MOST);
  await refused('rate-limited', poll(server.anonymous(alice.identity)));
  await done(alice.get('/v1/events?limit=1'));
  await hold(bob, 1);
});

test('a poll that is answered gives its place back', async () => {
  const path = '/v1/events?limit=1&after=0&wait=60';
  for (let turn = 0; turn <= MOST; turn += 1) await done(alice.get(path));
  await hold(alice, MOST);
  await refused('rate-limited', poll(alice));
});

test('a poll whose time is over gives its place back', async () => {
  await hold(alice, MOST - 1);
  await done(poll(alice, 1));
  await hold(alice, 1);
  await refused('rate-limited', poll(alice));
});

test('a poll that fails gives its place back', async () => {
  const nowhere = `/v1/unlocks/01931d2a-0000-7000-8000-000000000001?wait=60&while=ready`;
  for (let turn = 0; turn <= MOST; turn += 1) await refused('not-found', alice.get(nowhere));
  await hold(alice, MOST);
});

test('a client that goes away holds nothing', async () => {
  await hold(alice, MOST);
  await goAway();
  await hold(alice, MOST);
});

test('polls sent ahead on one connection count too, and go with it (RFC 9112 §9.3.2)', async () => {
  const identity = await enrolled(server.services, 'auditor', 'carol', await clientKey(2));
  const carol = new Client(server.origin, server.services.keys.ca.certificate, identity);
  const socket = connect({
    port: server.running.api.port,
    host: '127.0.0.1',
    ca: server.services.keys.ca.certificate,
    key: identity.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.pem,
  });
  const request = 'GET /v1/events?limit=1&after=1000000&wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n';
  socket.write(request.repeat(MOST));
  await inFlight(MOST);
  await refused('rate-limited', poll(carol));
  socket.destroy();
  await inFlight(0);
  await hold(carol, MOST);
  carol.close();
});

test('of all that, Node found nothing that looks like a leak', () => assert.deepEqual(warnings, []));
