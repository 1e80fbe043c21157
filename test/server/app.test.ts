import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { decimal } from '../../protocol/api/fields.ts';
import { Problem } from '../../protocol/problems.ts';
import { createApp } from '../../server/app.ts';
import type { Services } from '../../server/context.ts';
import { Metrics } from '../../server/metrics.ts';
import { limitAddresses } from '../../server/middleware/limit.ts';
import { noBody, none, operation } from '../../server/operation.ts';

/** Operations of no meaning, so that what app.ts itself does is all there is to see. */
const operations = [
  operation({
    id: 'echo',
    method: 'post',
    path: '/echo/{id}',
    summary: 'Gives back what it got',
    access: 'open',
    idempotent: true,
    params: z.strictObject({ id: z.string().max(8) }),
    query: z.strictObject({ n: decimal(z.int().max(9)).default(1) }),
    body: z.strictObject({ word: z.string().max(70_000) }),
    answer: z.unknown(),
    problems: [],
    handle: async ({ params, query, body, idempotency }) => ({
      status: 201,
      body: { params, query, body, idempotency },
    }),
  }),
  operation({
    id: 'tile',
    method: 'get',
    path: '/tile/{+path}',
    summary: 'Text',
    access: 'open',
    params: z.strictObject({ path: z.string() }),
    query: none,
    body: noBody,
    answer: z.string(),
    media: 'text/plain',
    problems: [],
    handle: async ({ params }) => ({ body: params.path, headers: { 'Cache-Control': 'immutable' } }),
  }),
  operation({
    id: 'fail',
    method: 'get',
    path: '/fail',
    summary: 'Fails',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: none,
    problems: [],
    handle: async () => {
      throw new Error('the secret is hunter2');
    },
  }),
  operation({
    id: 'refuse',
    method: 'get',
    path: '/refuse',
    summary: 'Refuses',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: none,
    problems: ['module-in-use'],
    handle: async () => {
      throw new Problem('module-in-use', 'M is in use.', { holder: 'alice' });
    },
  }),
  operation({
    id: 'wait',
    method: 'get',
    path: '/wait',
    summary: 'Waits until the server stops',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: z.unknown(),
    problems: [],
    handle: async ({ hold }) => {
      const signal = hold(60);
      entered();
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { body: { ended: true } };
    },
  }),
];

let entered = () => {};
const lines: string[] = [];
const stop = new AbortController();
const diagnostics = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
const rate = { perSecond: 1000, burst: 1000 };
const services = {
  config: { limits: { address: rate, principal: rate } },
  diagnostics,
  clock: () => new Date(),
  random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
} as unknown as Services;
const metrics = new Metrics();
const addresses = limitAddresses(services);
const server = createServer(createApp({ services, operations, metrics, addresses, stopping: stop.signal }));

before(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
after(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly json: Record<string, unknown>;
}

function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const sent = request({ port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const json = /json/.test(response.headers['content-type'] ?? '') && text ? JSON.parse(text) : {};
        resolve({ status: response.statusCode, headers: response.headers, body: text, json });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const key = '0123456789';
const post = (body: string | Buffer, headers = {}, path = '/echo/a') =>
  call('POST', path, { 'Content-Type': 'application/json', 'Idempotency-Key': key, ...headers }, body);

test('a valid request reaches its handler with what the schemas gave, and a digest of its body', async () => {
  const answer = await post('{ "word": "x" }', {}, '/echo/a?n=3');
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const { params, query, body, idempotency } = answer.json;
  assert.deepEqual([params, query, body], [{ id: 'a' }, { n: 3 }, { word: 'x' }]);
  const again = await post('{"word":"x"}');
  assert.deepEqual(again.json['idempotency'], idempotency);
  const other = await post('{"word":"y"}');
  assert.notDeepEqual(other.json['idempotency'], idempotency);
});

const refusals: [rule: string, code: string, status: number, () => Promise<Answer>][] = [
  ['unknown members of a body', 'invalid-request', 400, () => post('{"word":"x","more":1}')],
  ['a member named __proto__', 'invalid-request', 400, () => post('{"word":"x","__proto__":{"a":1}}')],
  ['unknown members of a query', 'invalid-request', 400, () => post('{"word":"x"}', {}, '/echo/a?m=1')],
  ['a query member given twice', 'invalid-request', 400, () => post('{"word":"x"}', {}, '/echo/a?n=1&n=2')],
  [
    'a number that is not in plain decimals',
    'invalid-request',
    400,
    () => post('{"word":"x"}', {}, '/echo/a?n=0x1'),
  ],
  ['an empty number', 'invalid-request', 400, () => post('{"word":"x"}', {}, '/echo/a?n=')],
  ['a path outside its schema', 'invalid-request', 400, () => post('{"word":"x"}', {}, '/echo/123456789')],
  ['a path that is not percent-encoded', 'invalid-request', 400, () => post('{"word":"x"}', {}, '/echo/%zz')],
  ['a body that is not JSON', 'invalid-request', 400, () => post('{"word":')],
  ['a body that is not UTF-8', 'invalid-request', 400, () => post(Buffer.from('{"word":"\xff"}', 'latin1'))],
  ['a byte order mark', 'invalid-request', 400, () => post('\ufeff{"word":"x"}')],
  ['an empty body', 'unsupported-media-type', 415, () => post('')],
  [
    'a body of another type',
    'unsupported-media-type',
    415,
    () => post('x', { 'Content-Type': 'text/plain' }),
  ],
  [
    'another charset',
    'unsupported-media-type',
    415,
    () => post('{}', { 'Content-Type': 'application/json; charset=utf-16' }),
  ],
  ['a compressed body', 'unsupported-media-type', 415, () => post('{}', { 'Content-Encoding': 'gzip' })],
  ['a large body', 'payload-too-large', 413, () => post(`{"word":"${'x'.repeat(66_000)}"}`)],
  [
    'a body where none is taken',
    'invalid-request',
    400,
    () => call('GET', '/refuse', { 'Content-Length': '2' }, '{}'),
  ],
  [
    'a malformed Idempotency-Key',
    'invalid-request',
    400,
    () => post('{"word":"x"}', { 'Idempotency-Key': 'a b' }),
  ],
  [
    'a missing Idempotency-Key',
    'idempotency-key-required',
    400,
    () => call('POST', '/echo/a', { 'Content-Type': 'application/json' }, '{"word":"x"}'),
  ],
  ['another media type', 'not-acceptable', 406, () => call('GET', '/refuse', { Accept: 'text/html' })],
  ['an unknown path', 'not-found', 404, () => call('GET', '/nowhere')],
  ['a path in other case', 'not-found', 404, () => call('GET', '/Refuse')],
  ['a path with a slash more', 'not-found', 404, () => call('GET', '/refuse/')],
  ['another method', 'method-not-allowed', 405, () => call('DELETE', '/refuse')],
  ['OPTIONS', 'method-not-allowed', 405, () => call('OPTIONS', '/refuse')],
];

for (const [rule, code, status, attempt] of refusals) {
  test(`${rule}: ${status} ${code}, as an RFC 9457 problem`, async () => {
    const answer = await attempt();
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.deepEqual([answer.status, answer.json['status'], answer.json['code']], [status, status, code]);
    assert.equal(answer.json['type'], `urn:latchkey:problem:${code}`);
    assert.equal(answer.json['request'], answer.headers['request-id']);
  });
}

test('every fault of a request is named', async () => {
  const answer = await post('{"more":1}', {}, '/echo/a?n=10');
  assert.deepEqual(
    (answer.json['faults'] as { in: string; at: string }[]).map((fault) => `${fault.in} ${fault.at}`),
    ['query n', 'body word', 'body '],
  );
});

test('what helmet sets for an api stands in every answer, refusals too', async () => {
  for (const answer of [
    await call('GET', '/tile/0'),
    await call('GET', '/refuse'),
    await call('GET', '/x'),
  ]) {
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.match(String(answer.headers['strict-transport-security']), /^max-age=31536000/);
    assert.equal(answer.headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
  }
});

test('a refusal keeps its extension members', async () => {
  const answer = await call('GET', '/refuse');
  assert.deepEqual([answer.status, answer.json['holder']], [409, 'alice']);
});

test('an unforeseen error is 500 without detail, and stands in the diagnostics under the request id', async () => {
  const answer = await call('GET', '/fail');
  assert.deepEqual([answer.status, answer.json['code']], [500, 'internal-error']);
  assert.ok(!answer.body.includes('hunter2'));
  const id = String(answer.headers['request-id']);
  assert.ok(lines.some((line) => line.includes(id) && line.includes('hunter2')));
});

test('answers of another media type go out as they are, slashes in {+path} kept', async () => {
  const answer = await call('GET', '/tile/0/x001/234');
  assert.deepEqual([answer.body, answer.headers['cache-control']], ['0/x001/234', 'immutable']);
  const head = await call('HEAD', '/tile/0');
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '1']);
});

test('405 says which methods there are (RFC 9110 §15.5.6)', async () => {
  assert.equal((await call('PUT', '/echo/a')).headers.allow, 'POST');
});

test('metrics count by operation, never by path', async () => {
  await call('GET', '/nowhere/at/all');
  const text = await metrics.text();
  assert.match(text, /latchkey_requests_total\{operation="refuse",status="409"\} \d+/);
  assert.match(text, /latchkey_request_seconds_bucket\{operation="none",le="\+Inf"\} \d+/);
  assert.doesNotMatch(text, /nowhere/);
});

test('diagnostics never hold a body, a query or a header', async () => {
  await post('{"word":"swordfish"}', { Authorization: 'Bearer swordfish' }, '/echo/a?n=swordfish');
  await call('GET', '/refuse');
  assert.ok(lines.some((line) => line.includes('"route":"/refuse"')));
  assert.ok(!lines.some((line) => line.includes('swordfish')));
});

test('when the server stops, a long poll gets its answer and new requests are refused', async () => {
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const poll = call('GET', '/wait');
  await inside;
  stop.abort();
  const ended = await poll;
  assert.deepEqual([ended.status, ended.json, ended.headers.connection], [200, { ended: true }, 'close']);
  const refused = await call('GET', '/refuse');
  assert.deepEqual([refused.status, refused.json['code']], [503, 'shutting-down']);
});
