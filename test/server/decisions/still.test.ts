import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { ImportResult } from '../../../protocol/api/import.ts';
import type { EventType } from '../../../protocol/events.ts';
import type { Line } from '../../../protocol/lines.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import type { Caller, Services } from '../../../server/context.ts';
import { offlineBundle } from '../../../server/decisions/offline.ts';
import { closeOrder } from '../../../server/decisions/orders.ts';
import { disablePrincipal } from '../../../server/decisions/principals.ts';
import { enlistModule } from '../../../server/decisions/register.ts';
import { revokeCertificate } from '../../../server/decisions/revoke.ts';
import { suspend, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { jsonStream } from '../../../server/operation.ts';
import { allOperations } from '../../../server/operations.ts';
import { clientKey } from '../../fixture/client.ts';
import { Device } from '../../fixture/device.ts';
import { publicMembers } from '../../fixture/enrolled.ts';
import { ordered, orderOf } from '../../fixture/orders.ts';
import { startServer, type TestServer } from '../../fixture/server.ts';
import { caller, digest, once, principal, provisioned, requested } from '../../fixture/unlocks.ts';

/** Who was let in, and is shut out before what they asked for is committed, changes nothing (DESIGN §6). */

const olga = caller(['officer'], 'olga');
/** Her unlocks make modules what the verbs take them from. */
const ellen = caller(['engineer'], 'ellen');
const station = caller(['station'], 'line-1');
const roles = ['officer', 'engineer'] as const;
const why = { why: 'for the test' };
const UNKNOWN = '01900000-0000-7000-8000-000000000001';

let server: TestServer;
let services: Services;
let order: string;

before(async () => {
  server = await startServer();
  services = server.services;
  await server.client('officer', olga.name);
  for (const one of [station, ellen]) await principal(services, one.roles, one.name);
  order = await orderOf(services, station);
});
after(() => server.stop());

/** A request that would be granted, and the event that it would leave. */
interface Write {
  readonly operation: string;
  readonly event: EventType;
  request(by: Caller): Promise<{ readonly params?: object; readonly body?: object }>;
}

let nextKey = 90;
const person = async () => (await principal(services, ['engineer'], `one-${randomUUID().slice(0, 8)}`)).name;
const device = () => provisioned(services, station);
const newOrder = () => ordered(services, `PO-${randomUUID()}`, 5, []);
const asked = (hwid: string) => ({ hwid, scope: 'console', seconds: 60, reason: 'does not register' });

/** What a verb does to a module that `prepare` made fit for it. */
function tending(operation: string, event: EventType, prepare: (device: Device) => Promise<unknown>): Write {
  return {
    ...{ operation, event },
    async request() {
      const module = await device();
      await prepare(module);
      return { params: { hwid: module.hwid }, body: why };
    },
  };
}

async function issued(by: Caller, module: Device): Promise<string> {
  const id = await requested(services, by, module);
  await issueToken(services, by, id, await module.challenge());
  return id;
}

async function foreign(by: Caller, module: Device): Promise<{ params: object; body: object }> {
  const id = await requested(services, by, module);
  return { params: { id }, body: { challenge: await module.challenge({ last: UNKNOWN }) } };
}

const writes: readonly Write[] = [
  {
    operation: 'createPrincipal',
    event: 'principal.created',
    request: async () => ({ body: { name: `p-${randomUUID().slice(0, 8)}`, kind: 'person', roles } }),
  },
  {
    operation: 'disablePrincipal',
    event: 'principal.disabled',
    request: async () => ({ params: { name: await person() } }),
  },
  {
    operation: 'enablePrincipal',
    event: 'principal.enabled',
    async request() {
      const name = await person();
      await disablePrincipal(name, olga, services);
      return { params: { name } };
    },
  },
  {
    operation: 'createEnrolment',
    event: 'enrolment.created',
    request: async () => ({ body: { principal: await person() } }),
  },
  {
    operation: 'revokeCertificate',
    event: 'certificate.revoked',
    request: async () => ({ params: { serial: (await server.client('engineer')).serial } }),
  },
  {
    operation: 'renewCertificate',
    event: 'certificate.renewed',
    request: async () => ({ body: { key: publicMembers(await clientKey(nextKey++)) } }),
  },
  {
    operation: 'createOrder',
    event: 'order.created',
    request: async () => ({ body: { name: `PO-${randomUUID()}`, quantity: 5, stations: [station.name] } }),
  },
  {
    operation: 'changeOrder',
    event: 'order.changed',
    request: async () => ({ params: { order: await newOrder() }, body: { quantity: 6, ...why } }),
  },
  {
    operation: 'closeOrder',
    event: 'order.closed',
    request: async () => ({ params: { order: await newOrder() }, body: why }),
  },
  {
    operation: 'reopenOrder',
    event: 'order.reopened',
    async request() {
      const name = await newOrder();
      await closeOrder(name, 'for the test', olga, services);
      return { params: { order: name }, body: why };
    },
  },
  {
    operation: 'registerModule',
    event: 'module.registered',
    async request() {
      const { hwid, key } = new Device();
      return { body: { hwid, key, order } };
    },
  },
  {
    operation: 'registerModule',
    event: 'module.bundled',
    async request() {
      const { hwid, key } = new Device();
      await enlistModule(services, station, { hwid, key, order }, 'later');
      return { body: { hwid, key, order } };
    },
  },
  {
    operation: 'offlineBundle',
    event: 'bundle.issued',
    request: async () => ({ params: { order: await newOrder() } }),
  },
  {
    operation: 'registerModule',
    event: 'module.confirmed',
    async request() {
      const made = new Device();
      const { hwid, key } = made;
      const { jti, bundle } = await offlineBundle(services, station, order);
      const receipt = await made.receipt('provisioned', jti, { dig: digest(bundle), pwv: 0 });
      return { body: { hwid, key, order, receipt } };
    },
  },
  {
    operation: 'registerModule',
    event: 'module.clone-suspected',
    request: async () => ({ body: { hwid: (await device()).hwid, key: new Device().key, order } }),
  },
  {
    operation: 'certifyModule',
    event: 'module.certified',
    async request() {
      const module = await device();
      return { params: { hwid: module.hwid }, body: { csr: await module.csr() } };
    },
  },
  {
    operation: 'confirmModule',
    event: 'receipt.accepted',
    async request() {
      const module = await device();
      const { bundle_jti: jti, bundle_digest: dig } = await services.read
        .selectFrom('modules')
        .selectAll()
        .where('hwid', '=', module.hwid)
        .executeTakeFirstOrThrow();
      const receipt = await module.receipt('provisioned', jti, { dig });
      return { params: { hwid: module.hwid }, body: { receipt } };
    },
  },
  {
    operation: 'importModules',
    event: 'module.registered',
    async request() {
      const { hwid, key } = new Device();
      return { body: lineOf({ hwid, key, order }) };
    },
  },
  {
    operation: 'importModules',
    event: 'module.labelled',
    request: async () => ({ body: lineOf({ hwid: (await device()).hwid, model: 'LTE4-G' }) }),
  },
  tending('suspendModule', 'module.suspended', async () => {}),
  tending('resumeModule', 'module.resumed', ({ hwid }) => tend(services, olga, hwid, suspend, 'why not')),
  tending('retireModule', 'module.retired', async () => {}),
  tending('clearModule', 'module.cleared', async (module) => {
    const id = await requested(services, ellen, module);
    const challenge = await module.challenge({ last: UNKNOWN });
    await assert.rejects(issueToken(services, ellen, id, challenge), { code: 'module-flagged' });
  }),
  tending('resetModuleSeq', 'module.seq-reset', (module) => issued(ellen, module)),
  {
    operation: 'createUnlock',
    event: 'unlock.requested',
    request: async () => ({ body: asked((await device()).hwid) }),
  },
  {
    operation: 'createUnlock',
    event: 'unlock.refused',
    request: async () => ({ body: { ...asked((await device()).hwid), seconds: 3600 } }),
  },
  {
    operation: 'cancelUnlock',
    event: 'unlock.cancelled',
    request: async (by) => ({ params: { id: await requested(services, by, await device()) } }),
  },
  {
    operation: 'issueToken',
    event: 'unlock.issued',
    async request(by) {
      const module = await device();
      const id = await requested(services, by, module);
      return { params: { id }, body: { challenge: await module.challenge() } };
    },
  },
  {
    operation: 'issueToken',
    event: 'token.refused',
    async request(by) {
      const id = await requested(services, by, await device());
      return { params: { id }, body: { challenge: await new Device().challenge() } };
    },
  },
  {
    operation: 'issueToken',
    event: 'module.foreign-token',
    request: async (by) => foreign(by, await device()),
  },
  {
    operation: 'revealPassword',
    event: 'password.revealed',
    request: async (by) => ({ params: { id: await issued(by, await device()) } }),
  },
  {
    operation: 'uploadReceipts',
    event: 'receipt.accepted',
    async request(by) {
      const module = await device();
      return { body: { receipts: [await module.receipt('opened', await issued(by, module))] } };
    },
  },
];

const operations = allOperations('test').filter(
  ({ method, access }) => method === 'post' && access !== 'open',
);

/** An import's body: one line, as often as it is read. */
function lineOf(line: object): AsyncIterable<Line> {
  return {
    async *[Symbol.asyncIterator]() {
      yield { number: 1, bytes: Buffer.from(JSON.stringify(line)) };
    },
  };
}

async function perform(id: string, by: Caller, asked: { params?: object; body?: object }): Promise<void> {
  const operation = operations.find((one) => one.id === id);
  assert.ok(operation, id);
  const { params = {}, body } = asked;
  const hold = () => new AbortController().signal;
  const { body: answer } = await operation.handle(
    { params, query: {}, body, caller: by, idempotency: once(), id: 'test', hold },
    services,
  );
  const results = jsonStream.safeParse(answer);
  // A refused line is its answer, as an error is another operation's.
  for await (const result of results.data ?? []) {
    const { code, detail } = ImportResult.parse(result);
    if (code !== undefined) throw new Problem(code as ProblemCode, detail ?? '');
  }
}

/** Somebody with a certificate, as the middleware lets them in. */
async function enrolled(): Promise<Caller> {
  const { serial } = await server.client('officer');
  const { principal: name, lineage } = await services.read
    .selectFrom('certificates')
    .select(['principal', 'lineage'])
    .where('serial', '=', serial)
    .executeTakeFirstOrThrow();
  return { name, kind: 'person', roles, serial, lineage, ends: Number.POSITIVE_INFINITY };
}

/** The events by somebody, oldest first. */
async function eventsBy(by: string): Promise<EventType[]> {
  const { items } = await services.reader.search({ by, limit: 500 });
  return items.map(({ event }) => event.type);
}

test('every operation that writes for somebody is among these', () => {
  const known = new Set(writes.map(({ operation }) => operation));
  assert.deepEqual([...known].sort(), operations.map(({ id }) => id).sort());
});

/** How somebody is shut out. @returns the caller as they were let in before */
const ways = {
  'principal-disabled': async (by: Caller) => {
    await disablePrincipal(by.name, olga, services);
    return by;
  },
  'certificate-revoked': async (by: Caller) => {
    await revokeCertificate(by.serial, olga, services);
    return by;
  },
  'certificate-expired': async (by: Caller) => ({ ...by, ends: server.clock.now().getTime() - 1 }),
} as const;

/** Requests whose repeat gives what was given before, and writes nothing. */
const repeatable = new Set<EventType>([
  'unlock.issued',
  'bundle.issued',
  'module.registered',
  'module.bundled',
  'certificate.renewed',
]);

for (const [code, shutOut] of Object.entries(ways)) {
  for (const write of writes.filter(({ event }) => repeatable.has(event))) {
    // A certificate may be renewed after its end.
    if (code === 'certificate-expired' && write.operation === 'renewCertificate') continue;
    test(`after its caller’s end, ${code}, ${write.operation} does not repeat what it gave`, async () => {
      const letIn = await enrolled();
      const asked = await write.request(letIn);
      for (let time = 0; time < 2; time += 1) await perform(write.operation, letIn, asked);
      const by = await shutOut(letIn);
      await assert.rejects(perform(write.operation, by, asked), { code });
    });
  }
}

for (const [code, shutOut] of Object.entries(ways)) {
  describe(`after its caller’s end, ${code}`, () => {
    let by: Caller;
    const prepared = new Map<Write, { params?: object; body?: object }>();
    let stood: EventType[];
    before(async () => {
      const letIn = await enrolled();
      for (const write of writes) prepared.set(write, await write.request(letIn));
      by = await shutOut(letIn);
      stood = await eventsBy(by.name);
    });
    for (const write of writes) {
      // A certificate may be renewed after its end.
      if (code === 'certificate-expired' && write.operation === 'renewCertificate') continue;
      test(`${write.operation} leaves no ${write.event}`, async () => {
        await assert.rejects(perform(write.operation, by, prepared.get(write) ?? {}), { code });
        assert.deepEqual(await eventsBy(by.name), stood);
      });
    }
  });
}

describe('against the end of its caller, in either order', () => {
  for (const { operation, event, request } of writes) {
    // test/server/renewal.test.ts has renewals.
    if (operation === 'renewCertificate') continue;
    test(`${operation} leaves ${event} before it, or nothing`, async () => {
      for (const last of [true, false]) {
        const by = await principal(services, roles, `by-${randomUUID().slice(0, 8)}`);
        const asked = await request(by);
        const calls = [() => disablePrincipal(by.name, olga, services), () => perform(operation, by, asked)];
        const settled = await Promise.allSettled((last ? calls : calls.reverse()).map((call) => call()));
        for (const one of settled) {
          if (one.status === 'rejected') assert.ok(one.reason instanceof Problem, String(one.reason?.stack));
        }
        const { items } = await services.reader.search({ limit: 500, newestFirst: true });
        const told = items.map(({ event }) => event).reverse();
        const end = told.findIndex((one) => one.type === 'principal.disabled' && one.principal === by.name);
        assert.ok(end >= 0);
        assert.deepEqual(
          told.slice(end).filter((one) => one.by === by.name),
          [],
        );
      }
    });
  }
});

test('while its caller is in, each of these leaves its event', async () => {
  const by = await enrolled();
  for (const { operation, event, request } of writes) {
    await perform(operation, by, await request(by)).catch((error) => assert.ok(error instanceof Problem));
    const types = await eventsBy(by.name);
    assert.ok(types.includes(event), `${operation}: ${types.join(' ')}`);
  }
});
