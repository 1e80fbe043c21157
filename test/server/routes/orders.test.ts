import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { unlockToken } from '../../../protocol/messages.ts';
import { type Client, done, refused } from '../../fixture/client.ts';
import { Device } from '../../fixture/device.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { digest } from '../../fixture/unlocks.ts';

/** Orders and outages as stations see them: over TLS, in JSON. */

let server: TestServer;
let officer: Client;
let station: Client;
let alice: Client;

before(async () => {
  server = await startServer();
  officer = await server.client('officer');
  station = await server.client('station', 'line-1');
  alice = await server.client('engineer', 'alice');
  await done(officer.post('/v1/orders', { name: 'PO-1', quantity: 2, stations: ['line-1'] }));
});
after(() => server.stop());

test('an order is found by name; one that is malformed, too small or not there is a coded refusal', async () => {
  const { json } = await done(alice.get('/v1/orders/PO-1'));
  assert.deepEqual([json['quantity'], json['registered'], json['state']], [2, 0, 'open']);
  await refused('order-unknown', alice.get('/v1/orders/PO-2'));
  await refused('invalid-request', alice.get('/v1/orders/PO%202'));
  await refused('invalid-request', officer.post('/v1/orders', { name: 'PO-2', quantity: 0, stations: [] }));
  const twice = { name: 'PO-2', quantity: 1, stations: ['line-1', 'line-1'] };
  await refused('invalid-request', officer.post('/v1/orders', twice));
  await refused('invalid-request', officer.post('/v1/orders/PO-1/change', { why: 'nothing' }));
});

test('a module is registered for an order, or not at all', async () => {
  const { hwid, key } = new Device();
  await refused('invalid-request', station.post('/v1/modules', { hwid, key }));
  await refused('order-unknown', station.post('/v1/modules', { hwid, key, order: 'PO-2' }));
  const label = { customer: ' Acme' };
  await refused('invalid-request', station.post('/v1/modules', { hwid, key, order: 'PO-1', ...label }));
});

test('made during an outage, registered by its receipt, and unlocked: the first token brings password 1', async () => {
  const { json: offline } = await done(station.post('/v1/orders/PO-1/bundle'));
  const [jti, bundle] = [String(offline['jti']), String(offline['bundle'])];
  assert.ok((offline['manifests'] as string[]).length > 0);
  const device = new Device();
  device.pwv = 0;
  const receipt = await device.receipt('provisioned', jti, { dig: digest(bundle) });
  const { hwid, key } = device;
  const body = { hwid, key, order: 'PO-1', receipt };
  const { json: registered } = await done(station.post('/v1/modules', body));
  const { state, pwv } = registered['module'] as { state: string; pwv: number };
  assert.deepEqual([state, pwv, registered['bundle']], ['confirmed', 0, bundle]);
  assert.equal((await done(station.post('/v1/modules', body))).json['log'], null);

  const asked = { hwid, scope: 'console', seconds: 900, reason: 'modem does not register' };
  const { json } = await done(alice.post('/v1/unlocks', asked, { 'Idempotency-Key': randomUUID() }));
  const { id } = json['unlock'] as { id: string };
  const granted = await done(alice.post(`/v1/unlocks/${id}/token`, { challenge: await device.challenge() }));
  const { pw } = decodePayload(unlockToken, openEnvelope(unlockToken, String(granted.json['token'])).payload);
  assert.equal(pw?.ver, 1);
});
