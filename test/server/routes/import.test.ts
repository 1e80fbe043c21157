import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { LONGEST_LINE } from '../../../protocol/api/import.ts';
import { decodePayload } from '../../../protocol/jws.ts';
import { bundle as bundleMessage } from '../../../protocol/messages.ts';
import { type Client, done, refused } from '../../fixture/client.ts';
import { Device } from '../../fixture/device.ts';
import { eventsOf } from '../../fixture/events.ts';
import { ordered } from '../../fixture/orders.ts';
import { startServer, TestClock, type TestServer } from '../../fixture/server.ts';
import { digest } from '../../fixture/unlocks.ts';

/** Many modules in one request: a line each, an answer each. */

let server: TestServer;
let station: Client;
let officer: Client;

before(async () => {
  // Nothing here may take longer than a request otherwise may, but the streams.
  server = await startServer();
  officer = await server.client('officer');
  station = await server.client('station', 'line-1');
});
after(() => server.stop());

interface Result {
  readonly line: number;
  readonly hwid: string | null;
  readonly status: string;
  readonly code?: string;
}

const NDJSON = { 'Content-Type': 'application/x-ndjson' };
let orders = 0;
const order = (quantity: number) => {
  orders += 1;
  return ordered(server.services, `PO-${orders}`, quantity, ['line-1']);
};

async function imported(by: Client, ...lines: (string | object)[]): Promise<Result[]> {
  const body = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  const answer = await done(by.post('/v1/modules/import', body, NDJSON));
  assert.equal(answer.headers['content-type'], 'application/x-ndjson');
  return parsed(answer.bytes.toString());
}

function parsed(text: string): Result[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const said = (results: readonly Result[]) => results.map(({ line, status, code }) => [line, code ?? status]);

function module(name: string) {
  const { hwid, key } = new Device();
  return { hwid, key, order: name };
}

test('each line has its answer, in order; bad ones are refused and the rest goes on', async () => {
  const name = await order(3);
  const [one, two, three, four] = [module(name), module(name), module(name), module(name)];
  const results = await imported(
    station,
    one,
    'not JSON',
    { ...two, extra: 1 },
    '',
    'x'.repeat(LONGEST_LINE + 1),
    two,
    one,
    { ...module(name), hwid: one.hwid },
    { ...module('PO-NONE') },
    three,
    { hwid: one.hwid, model: 'LTE4-G' },
    [],
  );
  assert.deepEqual(said(results), [
    [1, 'registered'],
    [2, 'invalid-request'],
    [3, 'invalid-request'],
    [5, 'payload-too-large'],
    [6, 'registered'],
    [7, 'known'],
    [8, 'module-exists'],
    [9, 'order-unknown'],
    [10, 'registered'],
    [11, 'forbidden'],
    [12, 'invalid-request'],
  ]);
  assert.deepEqual(said(await imported(station, four)), [[1, 'order-full']]);
  assert.deepEqual([results[0]?.hwid, results[1]?.hwid], [one.hwid, null]);
  const { json } = await done(station.get(`/v1/orders/${name}`));
  assert.equal(json['registered'], 3);
});

test('the bundle of an imported module is made once, when provisioning asks for it, and confirms it', async () => {
  const name = await order(1);
  const device = new Device();
  const entry = { hwid: device.hwid, key: device.key, order: name };
  await imported(station, entry);
  const asked = await Promise.all([1, 2].map(() => done(station.post('/v1/modules', entry))));
  const { json } = await done(station.post('/v1/modules', entry));
  const bundle = String(json['bundle']);
  assert.deepEqual(
    asked.map((answer) => answer.json['bundle']),
    [bundle, bundle],
  );
  const { jti, pw } = decodePayload(bundleMessage, Buffer.from(bundle.split('.')[1] ?? '', 'base64url'));
  assert.equal(pw?.ver, 1);
  const events = (await eventsOf(server, 'module.bundled')).filter(({ hwid }) => hwid === device.hwid);
  assert.deepEqual(
    events.map((event) => [event.jti, event.dig]),
    [[jti, digest(bundle)]],
  );
  const receipt = await device.receipt('provisioned', jti, { dig: digest(bundle) });
  await done(station.post(`/v1/modules/${device.hwid}/confirm`, { receipt }));
});

test('what an outage left is delivered by lines too', async () => {
  const name = await order(2);
  const { json } = await done(station.post(`/v1/orders/${name}/bundle`));
  const device = new Device();
  const claims = { dig: digest(String(json['bundle'])), pwv: 0 };
  const receipt = await device.receipt('provisioned', String(json['jti']), claims);
  const entry = { hwid: device.hwid, key: device.key, order: name, receipt };
  assert.deepEqual(said(await imported(station, entry, entry)), [
    [1, 'confirmed'],
    [2, 'known'],
  ]);
});

test('without a key an officer changes labels, in the order of the lines; the counts follow', async () => {
  const [name, other] = [await order(1), await order(1)];
  const one = module(name);
  const { hwid } = one;
  const results = await imported(
    officer,
    { ...one, customer: 'Acme' },
    { hwid, model: 'LTE4-G' },
    { hwid, model: 'LTE4-G' },
    { hwid, order: other, customer: 'Bolt' },
    { hwid: 'QC-NOWHERE-9', model: 'x' },
    { hwid },
  );
  assert.deepEqual(said(results), [
    [1, 'registered'],
    [2, 'updated'],
    [3, 'known'],
    [4, 'updated'],
    [5, 'module-unknown'],
    [6, 'invalid-request'],
  ]);
  assert.deepEqual(said(await imported(officer, module(other))), [[1, 'order-full']]);
  const { json } = await done(officer.get(`/v1/modules/${hwid}`));
  assert.deepEqual([json['order'], json['customer'], json['model']], [other, 'Bolt', 'LTE4-G']);
  const counts = await Promise.all([name, other].map((one) => done(officer.get(`/v1/orders/${one}`))));
  assert.deepEqual(
    counts.map(({ json }) => json['registered']),
    [0, 1],
  );
});

test('another body, or another type, is refused before anything is read', async () => {
  await refused('unsupported-media-type', station.post('/v1/modules/import', { hwid: 'x' }));
  await refused('unsupported-media-type', station.call('POST', '/v1/modules/import', { headers: NDJSON }));
});

/** An import whose lines and answers a test has in its hand. */
function open(by: Client) {
  const identity = by.identity;
  assert.ok(identity);
  const sent = request(`${server.origin}/v1/modules/import`, {
    method: 'POST',
    agent: by.agent,
    headers: NDJSON,
  });
  const answers: Result[] = [];
  const got = (async () => {
    const [response] = await once(sent, 'response');
    for await (const line of createInterface({ input: response })) answers.push(JSON.parse(line));
  })();
  return { sent, answers, got };
}

test('a line is answered while the next is not yet written', async () => {
  const name = await order(5);
  const { sent, answers, got } = open(station);
  for (let place = 1; place <= 3; place += 1) {
    sent.write(`${JSON.stringify(module(name))}\n`);
    while (answers.length < place) await new Promise(setImmediate);
  }
  sent.end();
  await got;
  assert.deepEqual(
    said(answers),
    [1, 2, 3].map((line) => [line, 'registered']),
  );
});

test('cut in mid-line: whole lines stand, and the same file again goes on behind them', async () => {
  const name = await order(10);
  const modules = Array.from({ length: 10 }, () => module(name));
  const { sent, answers, got } = open(station);
  for (const one of modules.slice(0, 5)) sent.write(`${JSON.stringify(one)}\n`);
  sent.write('{"hwid":');
  while (answers.length < 5) await new Promise(setImmediate);
  sent.destroy();
  await got.catch(() => {});
  const again = await imported(station, ...modules);
  assert.deepEqual(
    said(again),
    modules.map((_, place) => [place + 1, place < 5 ? 'known' : 'registered']),
  );
});

test('a station that is shut out in mid-run: its line says so, and no more is taken', async () => {
  const name = await order(10);
  const leaver = await server.client('station', 'line-2');
  const change = { stations: ['line-1', 'line-2'], why: 'the test' };
  await done(officer.post(`/v1/orders/${name}/change`, change));
  const { sent, answers, got } = open(leaver);
  sent.write(`${JSON.stringify(module(name))}\n`);
  while (answers.length < 1) await new Promise(setImmediate);
  await done(officer.post('/v1/principals/line-2/disable'));
  sent.write(`${JSON.stringify(module(name))}\n`);
  await got;
  sent.destroy();
  assert.deepEqual(said(answers), [
    [1, 'registered'],
    [2, 'principal-disabled'],
  ]);
});

test('what is sent on behind the last answer is passed over: the server sees its end, and the client’s', {
  timeout: 30_000,
}, async () => {
  const leaver = await server.client('station', 'line-4');
  const name = await ordered(server.services, 'PO-LEAVER', 9, ['line-4']);
  const { sent, answers, got } = open(leaver);
  sent.write('no module\n');
  while (answers.length < 1) await new Promise(setImmediate);
  await done(officer.post('/v1/principals/line-4/disable'));
  sent.write(`${JSON.stringify(module(name))}\n`);
  await got;
  // More than buffers hold.
  const more = Buffer.alloc(1_000_000, `${JSON.stringify(module(name))}\n`);
  for (let count = 0; count < 16; count += 1) await new Promise((resolve) => sent.write(more, resolve));
  sent.destroy();
});

test('each clone in an import costs its caller as much as a request, so nobody floods the log', async (t) => {
  const clock = new TestClock();
  clock.stop();
  const limits = {
    principal: { perSecond: 1, burst: 4 },
    address: { perSecond: 1000, burst: 1000 },
  };
  const limited = await startServer({ limits }, clock);
  t.after(() => limited.stop());
  const by = await limited.client('station', 'line-1');
  await ordered(limited.services, 'PO-1', 9, ['line-1']);
  const one = module('PO-1');
  const clones = Array.from({ length: 6 }, () => ({ ...module('PO-1'), hwid: one.hwid }));
  const events = async () => (await eventsOf(limited, 'module.clone-suspected')).length;
  // One token is the request's.
  assert.deepEqual(said(await imported(by, one, ...clones)).slice(0, 5), [
    [1, 'registered'],
    ...[2, 3, 4].map((line) => [line, 'module-exists']),
    [5, 'rate-limited'],
  ]);
  assert.equal(await events(), 3);
  await refused('rate-limited', by.post('/v1/modules', clones[5]));
  clock.advance(3000);
  assert.deepEqual(said(await imported(by, ...clones.slice(3))), [
    [1, 'module-exists'],
    [2, 'module-exists'],
    [3, 'rate-limited'],
  ]);
  assert.equal(await events(), 5);
});

test('every module is exported, a line each, by hardware ID; of an order, or behind one', async () => {
  const name = await order(700);
  const modules = Array.from({ length: 3 }, () => module(name));
  await imported(station, ...modules);
  const hwids = modules.map(({ hwid }) => hwid).sort();
  const { bytes, headers } = await done(station.get(`/v1/modules/export?order=${name}`));
  assert.equal(headers['content-type'], 'application/x-ndjson');
  assert.deepEqual(
    parsed(bytes.toString()).map(({ hwid }) => hwid),
    hwids,
  );
  const rest = await done(station.get(`/v1/modules/export?order=${name}&after=${hwids[0]}`));
  assert.equal(parsed(rest.bytes.toString()).length, 2);
});
