import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connect } from 'node:tls';
import { done, refused } from '../fixture/client.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';
import { principal, provisioned } from '../fixture/unlocks.ts';

/** What the ops listener answers. */
function ops({ running }: TestServer, path: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    get({ port: running.ops.port, path }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() });
    }).on('error', reject);
  });
}

async function withServer(
  overrides: Record<string, unknown>,
  act: (server: TestServer) => Promise<void>,
): Promise<void> {
  const clock = new TestClock();
  clock.stop();
  const server = await startServer(overrides, clock);
  try {
    await act(server);
  } finally {
    await server.stop();
  }
}

test('ops says alive, ready and counts, to whoever reaches it, and nothing more', () =>
  withServer({}, async (server) => {
    assert.deepEqual(await ops(server, '/healthz'), { status: 200, text: 'ok\n' });
    await done((await server.client('engineer')).get('/v1/whoami'));
    const { text } = await ops(server, '/metrics');
    assert.match(text, /^latchkey_requests_total\{operation="whoami",status="200"\} 1$/m);
    assert.equal((await ops(server, '/v1/keys')).status, 404);
    const { status, text: ready } = await ops(server, '/readyz');
    assert.equal(status, 200);
    const { checks } = JSON.parse(ready) as { checks: { name: string; state: string }[] };
    assert.deepEqual(
      checks.map(({ name, state }) => `${name} ${state}`),
      ['stopping ok', 'log ok', 'sealing ok', 'manifest ok', 'certificate ok', 'roots ok'],
    );
    server.clock.advance(8 * 86_400_000);
    const late = await ops(server, '/readyz');
    assert.equal(late.status, 503);
    assert.match(late.text, /"certificate","state":"failed"/);
  }));

test('a value that cannot be read costs neither the others nor the server', () =>
  withServer({}, async (server) => {
    const { metrics } = server.running;
    metrics.gauge('latchkey_broken', 'Of a database that fails.', () =>
      Promise.reject(new Error('disk I/O error')),
    );
    const { status, text } = await ops(server, '/metrics');
    assert.equal(status, 200);
    assert.match(text, /^latchkey_broken NaN$/m);
    assert.match(text, /^latchkey_connections \d+$/m);
    assert.equal((await ops(server, '/healthz')).status, 200);
  }));

test('an address that only fails to authenticate is refused, before any other work, and told for how long', () =>
  withServer({ limits: { address: { perSecond: 0.1, burst: 5 } } }, async (server) => {
    const nobody = server.anonymous();
    // The connection itself counts for one.
    for (let turn = 0; turn < 4; turn += 1) await refused('certificate-required', nobody.get('/v1/whoami'));
    const { headers, json } = await refused('rate-limited', nobody.get('/v1/whoami'));
    assert.deepEqual([headers['retry-after'], json['retryAfter']], ['10', 10]);
    await assert.rejects(server.anonymous().get('/v1/keys'), 'a new connection is not even made');
    server.clock.advance(20_000);
    await refused('certificate-required', nobody.get('/v1/whoami'));
  }));

test('a principal is limited whatever connection it comes by, and pays nothing for its address', () =>
  withServer(
    { limits: { principal: { perSecond: 1, burst: 3 }, address: { perSecond: 0.01, burst: 9 } } },
    async (server) => {
      const one = await server.client('engineer');
      const two = server.anonymous(one.identity);
      for (const client of [one, two, one]) await done(client.get('/v1/whoami'));
      const { headers } = await refused('rate-limited', two.get('/v1/whoami'));
      assert.equal(headers['retry-after'], '1');
      await done((await server.client('auditor')).get('/v1/whoami'));
      server.clock.advance(1000);
      await done(one.get('/v1/whoami'));
    },
  ));

test('stopping: a long poll is answered, open connections close, new ones are not taken', async () => {
  const server = await startServer();
  const line = await principal(server.services, ['station'], 'line-1');
  const { hwid } = await provisioned(server.services, line);
  const engineer = await server.client('engineer');
  const body = { hwid, scope: 'console', seconds: 900, reason: 'modem does not register' };
  const { json } = await done(engineer.post('/v1/unlocks', body, { 'Idempotency-Key': 'stopping-1' }));
  const { id, state } = json['unlock'] as { id: string; state: string };

  const { services, origin } = server;
  const polled = engineer.get(`/v1/unlocks/${id}?wait=60&while=${state}`);
  while (server.running.metrics.inFlight === 0) await setImmediate();
  const idle = connect({
    port: server.running.api.port,
    host: '127.0.0.1',
    ca: services.keys.ca.certificate,
  });
  await once(idle, 'secureConnect');
  const closed = once(idle.resume(), 'close');
  await server.stop();
  const answer = await done(polled);
  assert.deepEqual([(answer.json as { state: string }).state, answer.headers.connection], [state, 'close']);
  await closed;
  await assert.rejects(fetch(origin), 'nobody listens');
});
