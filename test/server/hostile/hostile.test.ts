import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import fc, { type Arbitrary } from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { type Role, roles } from '../../../protocol/api/principals.ts';
import { decodeEnrolmentCode } from '../../../protocol/enrolment-code.ts';
import type { EventType } from '../../../protocol/events.ts';
import { type ProblemCode, problems } from '../../../protocol/problems.ts';
import { allOperations } from '../../../server/operations.ts';
import type { Database } from '../../../server/store/schema.ts';
import { type Answer, type Client, done } from '../../fixture/client.ts';
import type { Device } from '../../fixture/device.ts';
import { codeFor } from '../../fixture/enrolled.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { principal, provisioned } from '../../fixture/unlocks.ts';
import { mutated, type Wire } from './mutate.ts';
import { type JsonSchema, type Known, Values } from './schema.ts';

/**
 * Requests of each operation. This alone bounds the test: as many requests a run as there are operations,
 * times this, whatever they are. Each run makes others; a failure prints the seed that makes them again.
 */
const RUNS = 40;

/** A detail says what happened, to what, and what to do next, for a person to read. */
const SENTENCES = /^\p{Lu}.*[.]$/u;

interface Described {
  readonly 'x-latchkey-roles'?: readonly Role[];
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: JsonSchema }[];
  readonly requestBody?: { content: Record<string, { schema: JsonSchema }> };
  readonly responses: Record<string, { content: Record<string, { schema: JsonSchema & AnyOf }> }>;
}
interface AnyOf {
  readonly allOf?: readonly { properties?: { code?: { enum: string[] } } }[];
}

/** Events that a refusal may leave: the attempt itself is what an auditor wants to see. */
const recorded: Partial<Record<string, readonly EventType[]>> = {
  createUnlock: ['unlock.refused'],
  issueToken: ['token.refused', 'module.rolled-back', 'module.foreign-token'],
  redeemEnrolment: ['enrolment.misused'],
  renewCertificate: ['certificate.revoked'],
  registerModule: ['module.clone-suspected'],
};

let server: TestServer;
let tables: string[];
let clients: Client[];
let sacrificed: Client[];
let document: {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, JsonSchema> };
};
let values: Values;
/** Of things that an operation may put an end to, so that the others still meet theirs alive. */
let doomed: Values;
const ending = ['suspendModule', 'retireModule', 'cancelUnlock'];

before(async () => {
  server = await startServer();
  tables = await tablesOf(server.store.read);
  for (const name of ['modules', 'orders', 'order_stations', 'offline_bundles'])
    assert.ok(tables.includes(name));
  const enrolled = await Promise.all(roles.map((role) => server.client(role, `asker-${role}`)));
  clients = [server.anonymous(), ...enrolled];
  // Whoever renews has another certificate afterwards: these are for that.
  sacrificed = [
    server.anonymous(),
    await server.client('engineer', 'renewer-1'),
    await server.client('station', 'renewer-2'),
  ];
  const { json } = await done(server.anonymous().get('/openapi.json'));
  document = json as unknown as typeof document;
  values = new Values(document.components.schemas, await world());
  doomed = new Values(document.components.schemas, await world());
});
after(() => server.stop());

/** Things that are really there, none of which the askers themselves need. */
async function world(): Promise<Known> {
  const { services } = server;
  const name = `victim-${randomUUID().slice(0, 8)}`;
  const line = await principal(services, ['station'], `line-${randomUUID().slice(0, 8)}`);
  const devices = [await provisioned(services, line), await provisioned(services, line)];
  const unlocks = await Promise.all(devices.map(requested));
  const challenges = devices.flatMap((device) => [1, 2, 3, 4].map(() => device.challenge()));
  const receipts = devices.map((device, place) => device.receipt('opened', unlocks[place] ?? ''));
  const { serial } = await server.client('engineer', name);
  const secrets = [await codeFor(services, name), await codeFor(services, name)].map(
    (code) => decodeEnrolmentCode(code).secret,
  );
  return {
    ...{
      hwid: devices.map(({ hwid }) => hwid),
      id: unlocks,
      unlock: unlocks,
      name: [name],
      principal: [name],
    },
    ...{ challenge: await Promise.all(challenges), receipt: await Promise.all(receipts) },
    ...{ csr: await Promise.all(devices.map((device) => device.csr())) },
    ...{ serial: [serial], secret: secrets, scope: ['console'], seconds: [900], wait: [0] },
    ...{ index: [0, 1, 5], path: ['0/000', '0/000.p/3', '000.p/2', '1/000'] },
  };
}

async function requested({ hwid }: Device): Promise<string> {
  const body = { hwid, scope: 'console', seconds: 900, reason: 'modem does not register' };
  const engineer = clients[1 + roles.indexOf('engineer')] ?? server.anonymous();
  const { json } = await done(engineer.post('/v1/unlocks', body, { 'Idempotency-Key': randomUUID() }));
  return (json['unlock'] as { id: string }).id;
}

/** Mostly somebody who gets past the door. */
function asking(id: string, described: Described): Arbitrary<() => Client> {
  const named =
    described['x-latchkey-roles'] ?? (id.endsWith('Unlock') || id === 'issueToken' ? ['engineer'] : []);
  const places = named.map((role) => 1 + roles.indexOf(role));
  const all = id === 'renewCertificate' ? sacrificed : clients;
  const anybody = fc.nat(all.length - 1);
  const place = places.length === 0 ? anybody : fc.oneof(anybody, ...places.map((one) => fc.constant(one)));
  return place.map((one) => () => all[one] ?? server.anonymous());
}

/** A request that fits the document, by one of the askers. */
function fitting(
  path: string,
  method: string,
  { parameters, requestBody }: Described,
  values: Values,
): Arbitrary<Wire> {
  const filled = parameters.map(({ name, required, schema }) => {
    const given = values.named(name, schema).map(String);
    return required ? given : fc.option(given, { nil: undefined, freq: 2 });
  });
  const [[type, content] = []] = Object.entries(requestBody?.content ?? {});
  const schema = content?.schema;
  const body = schema === undefined ? fc.constant(undefined) : values.fitting(schema);
  return fc.tuple(fc.tuple(...filled), body).map(([given, sent]) => {
    let url = path;
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    for (const [place, parameter] of parameters.entries()) {
      const value = given[place];
      if (value === undefined) continue;
      // A tile's slashes stay slashes.
      if (parameter.in === 'path')
        url = url.replace(`{${parameter.name}}`, encodeURIComponent(value).replaceAll('%2F', '/'));
      else if (parameter.in === 'query') query.set(parameter.name, parameter.name === 'wait' ? '0' : value);
      else headers[parameter.name] = value;
    }
    if (type !== undefined) headers['Content-Type'] = type;
    const bytes = sent === undefined ? undefined : Buffer.from(JSON.stringify(sent));
    return {
      method: method.toUpperCase(),
      path: query.size > 0 ? `${url}?${query}` : url,
      headers,
      body: bytes,
    };
  });
}

interface Witness {
  readonly version: unknown;
  readonly tables: string;
  readonly size: number;
}

/** All but the log's own, which `size` speaks for: a table that a migration makes is looked at too. */
async function tablesOf(read: Kysely<Database>): Promise<string[]> {
  const names = (await read.introspection.getTables()).map(({ name }) => name);
  return names.filter((name) => !name.startsWith('log_'));
}

/** What the database holds. `data_version` changes with every commit, so most requests cost one look. */
async function look(before?: Witness): Promise<Witness> {
  const { read } = server.store;
  const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(read);
  const version = rows[0]?.data_version;
  if (before !== undefined && before.version === version) return before;
  const hash = createHash('sha256');
  for (const table of tables) {
    const { rows: held } = await sql`select * from ${sql.table(table)}`.execute(read);
    hash.update(JSON.stringify([table, held]));
  }
  const { size } = await read.selectFrom('log_head').select('size').executeTakeFirstOrThrow();
  return { version, tables: hash.digest('hex'), size };
}

async function eventsAfter(size: number): Promise<string[]> {
  const rows = await server.store.read
    .selectFrom('log_leaves')
    .select('type')
    .where('idx', '>=', size)
    .execute();
  return rows.map(({ type }) => type);
}

let witness: Witness | undefined;

for (const { id, method, path: template } of allOperations('test')) {
  const path = template.replace('{+', '{');

  test(`${id}: whatever comes, no 5xx, a listed code, and nothing changed by a refusal`, async () => {
    const described = document.paths[path]?.[method];
    assert.ok(described);
    const requests = fitting(path, method, described, ending.includes(id) ? doomed : values).chain(mutated);
    const property = fc.asyncProperty(requests, asking(id, described), async (wire, asker) => {
      const before = witness ?? (await look());
      const answer = await asker().call(wire.method, wire.path, wire);
      const after = await look(before);
      witness = after;
      const said = `${wire.method} ${wire.path} ${wire.body}: ${answer.status} ${answer.bytes.toString('latin1', 0, 400)}`;
      assert.ok(answer.status < 500, said);
      if (answer.status >= 400) {
        listed(described, wire, answer, said);
        await unchanged(id, before, after, said);
      } else if (wire.method === 'GET' || wire.method === 'HEAD') assert.equal(after.size, before.size, said);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
}

function listed({ responses }: Described, wire: Wire, answer: Answer, said: string): void {
  // HEAD has no body to look at.
  if (wire.method === 'HEAD') return;
  assert.equal(answer.headers['content-type'], 'application/problem+json', said);
  const code = answer.json['code'] as ProblemCode;
  assert.deepEqual([problems[code]?.[0], answer.json['status']], [answer.status, answer.status], said);
  assert.match(String(answer.json['detail']), SENTENCES, said);
  if (wire.astray) return;
  const schema = responses[answer.status]?.content['application/problem+json']?.schema;
  const codes = schema?.allOf?.[1]?.properties?.code?.enum ?? [];
  assert.ok(codes.includes(code), `${code} is not listed: ${said}`);
}

async function unchanged(id: string, before: Witness, after: Witness, said: string): Promise<void> {
  if (after.size === before.size) return assert.equal(after.tables, before.tables, said);
  const events = await eventsAfter(before.size);
  const allowed: readonly string[] = recorded[id] ?? [];
  assert.ok(
    events.every((type) => allowed.includes(type)),
    `${events} by a refusal: ${said}`,
  );
}

const raw: readonly [rule: string, bytes: string | Buffer][] = [
  ['noise', Buffer.from([0, 255, 1, 2, 3, 13, 10, 13, 10])],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['a header that never ends', `GET /v1/keys HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
  [
    'two lengths',
    'POST /v1/unlocks HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  ],
  [
    'a length beside chunks (request smuggling, RFC 9112 §6.3)',
    'POST /v1/unlocks HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a chunk of no size', 'POST /v1/unlocks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['a line feed in a header', 'GET /v1/keys HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
  ['HTTP/1.1 without Host', 'GET /v1/keys HTTP/1.1\r\n\r\n'],
];

for (const [rule, bytes] of raw) {
  test(`${rule}: 400 and the connection closes`, async () => {
    const { port } = server.running.api;
    const socket = connect({ port, host: '127.0.0.1', ca: server.services.keys.ca.certificate });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    socket.write(bytes);
    await once(socket, 'close');
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /);
  });
}

test('after all of it the server had no error of its own, and still answers', async () => {
  assert.deepEqual(
    server.lines.filter((line) => JSON.parse(line).level >= 50),
    [],
  );
  for (const client of clients.slice(1)) await done(client.get('/v1/whoami'));
  await done(server.anonymous().get('/log/checkpoint'));
});
