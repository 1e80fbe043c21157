import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { UnlockBundle } from '../../../protocol/api/bundle.ts';
import { encodeUnlockBundle, verifyUnlockBundle } from '../../../protocol/unlock-bundle.ts';
import { type Client, done, refused } from '../../fixture/client.ts';
import { Device } from '../../fixture/device.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { digest } from '../../fixture/unlocks.ts';

let server: TestServer;
let alice: Client;
let station: Client;
let officer: Client;

before(async () => {
  server = await startServer();
  alice = await server.client('engineer', 'alice');
  station = await server.client('station', 'line-1');
  officer = await server.client('officer', 'olga');
  await done(officer.post('/v1/orders', { name: 'PO-1', quantity: 1000, stations: ['line-1'] }));
});
after(() => server.stop());

const asked = { scope: 'console', seconds: 1800, reason: 'modem does not register', ticket: 'SUP-1' };

async function provision(device = new Device()): Promise<Device> {
  const { hwid, key } = device;
  const { json } = await done(station.post('/v1/modules', { hwid, key, order: 'PO-1' }));
  const jti = JSON.parse(Buffer.from(String(json['bundle']).split('.')[1] ?? '', 'base64url').toString()).jti;
  const receipt = await device.receipt('provisioned', jti, { dig: digest(String(json['bundle'])) });
  await done(station.post(`/v1/modules/${hwid}/confirm`, { receipt }));
  return device;
}

async function create(client: Client, body: object, key: string = randomUUID()) {
  return client.post('/v1/unlocks', body, { 'Idempotency-Key': key });
}

function idOf(answer: { json: Record<string, unknown> }): string {
  const { unlock } = answer.json;
  return typeof unlock === 'object' && unlock !== null && 'id' in unlock ? String(unlock.id) : '';
}

test('over TLS, from registration to a bundle that proves itself offline (DESIGN §6)', async () => {
  const device = await provision();
  const created = await done(create(alice, { ...asked, hwid: device.hwid }));
  assert.equal(created.status, 201);
  const path = `/v1/unlocks/${idOf(created)}`;
  await done(alice.post(`${path}/token`, { challenge: await device.challenge() }));
  device.last = idOf(created);
  const opened = await done(
    alice.post('/v1/receipts', { receipts: [await device.receipt('opened', idOf(created))] }),
  );
  assert.deepEqual(opened.json['results'], [
    { status: 'accepted', code: null, jti: idOf(created), state: 'open' },
  ]);
  const { json: shown } = await done(alice.post(`${path}/password`));
  assert.equal(shown['user'], server.services.config.passwordUser);
  await done(
    alice.post('/v1/receipts', { receipts: [await device.receipt('closed', idOf(created), { elapsed: 9 })] }),
  );
  const { json: unlock } = await done(alice.get(path));
  assert.deepEqual([unlock['state'], unlock['why'], unlock['elapsed']], ['closed', 'lock', 9]);
  const bundle = await done(alice.get(`/v1/events/bundle?unlock=${idOf(created)}`));
  const file = encodeUnlockBundle(UnlockBundle.parse(bundle.json));
  const verdict = verifyUnlockBundle(file, server.services.keys.roots);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  assert.equal(verdict.proved.state, 'closed');
});

test('a repeated request is the first one’s answer, another body with its key is refused (DESIGN §6)', async () => {
  const device = await provision();
  const key = randomUUID();
  const first = await done(create(alice, { ...asked, hwid: device.hwid }, key));
  const again = await done(create(alice, { ...asked, hwid: device.hwid }, key));
  assert.equal(idOf(again), idOf(first));
  assert.equal(again.json['log'], null);
  await refused('idempotency-key-reused', create(alice, { ...asked, hwid: device.hwid, seconds: 60 }, key));
  await refused('idempotency-key-required', alice.post('/v1/unlocks', { ...asked, hwid: device.hwid }));
});

test('a repeat finds its row also when the module was suspended since (DESIGN §6)', async () => {
  const device = await provision();
  const key = randomUUID();
  const first = await done(create(alice, { ...asked, hwid: device.hwid }, key));
  await done(officer.post(`/v1/modules/${device.hwid}/suspend`, { why: 'stolen' }));
  assert.equal(idOf(await done(create(alice, { ...asked, hwid: device.hwid }, key))), idOf(first));
  await refused('module-inactive', create(alice, { ...asked, hwid: device.hwid }));
});

test('what policy refuses says what it needs, is on record, and makes no unlock (DESIGN §6)', async () => {
  const device = await provision();
  const { json } = await refused('forbidden', create(alice, { ...asked, hwid: device.hwid, seconds: 1801 }));
  assert.equal(json['need'], 'at most 1800 seconds');
  await refused('forbidden', create(station, { ...asked, hwid: device.hwid }));
  await refused('forbidden', create(alice, { ...asked, hwid: device.hwid, scope: 'reset' }));
  const { json: events } = await done(officer.get(`/v1/events?type=unlock.refused&hwid=${device.hwid}`));
  assert.equal(Array.isArray(events['items']) && events['items'].length, 3);
  const { json: list } = await done(officer.get(`/v1/unlocks?hwid=${device.hwid}`));
  assert.deepEqual(list['items'], []);
});

test('a module that nobody registered cannot be asked for', async () => {
  await refused('module-unknown', create(alice, { ...asked, hwid: 'QC-NOWHERE-1' }));
  await refused('module-unknown', alice.get('/v1/modules/QC-NOWHERE-1'));
});

test('manifest-behind hands over the manifests, module-in-use names the holder (DESIGN §6)', async () => {
  const device = await provision();
  const first = idOf(await done(create(alice, { ...asked, hwid: device.hwid })));
  const behind = { challenge: await device.challenge({ keys: 0 }) };
  const { json } = await refused('manifest-behind', alice.post(`/v1/unlocks/${first}/token`, behind));
  assert.deepEqual(
    json['manifests'],
    server.services.keys.manifests.map(({ jws }) => jws),
  );
  await done(alice.post(`/v1/unlocks/${first}/token`, { challenge: await device.challenge() }));
  device.last = first;
  const second = idOf(await done(create(alice, { ...asked, hwid: device.hwid })));
  const token = { challenge: await device.challenge() };
  const inUse = await refused('module-in-use', alice.post(`/v1/unlocks/${second}/token`, token));
  assert.deepEqual([inUse.json['holder'], inUse.json['unlock']], ['alice', first]);
});

test('a long poll over TLS answers when the unlock is cancelled (DESIGN §6)', async () => {
  const device = await provision();
  const id = idOf(await done(create(alice, { ...asked, hwid: device.hwid })));
  const waiting = alice.get(`/v1/unlocks/${id}?wait=30&while=ready`);
  await done(alice.post(`/v1/unlocks/${id}/cancel`));
  assert.equal((await done(waiting)).json['state'], 'cancelled');
});

test('one event comes with a proof; an officer clears and resets with a reason', async () => {
  const device = await provision();
  const { json } = await done(
    officer.post(`/v1/modules/${device.hwid}/reset-seq`, { why: 'flash exchanged' }),
  );
  const position = json['log'] as { index: number } | null;
  const { json: proven } = await done(officer.get(`/v1/events/${position?.index}`));
  assert.ok(String(proven['checkpoint']).startsWith(`${server.services.keys.iss}/log\n`));
  await refused('not-found', alice.get(`/v1/events/${position?.index}`));
  await done(officer.post(`/v1/modules/${device.hwid}/clear`, { why: 'nothing there' }));
});
