import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { roles } from '../../protocol/api/principals.ts';
import { decodeEnrolmentCode } from '../../protocol/enrolment-code.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { Caller } from '../../server/context.ts';
import { allOperations } from '../../server/operations.ts';
import { type Answer, type Client, clientKey, done, refused } from '../fixture/client.ts';
import { Device } from '../fixture/device.ts';
import { codeFor, publicMembers } from '../fixture/enrolled.ts';
import { ordered } from '../fixture/orders.ts';
import { startServer, type TestServer } from '../fixture/server.ts';
import { digest, principal, provisioned } from '../fixture/unlocks.ts';

/** Who asks. `owner` is the engineer who requested the unlock, `engineer` another one. */
const askers = ['nobody', 'owner', ...roles] as const;
type Asker = (typeof askers)[number];

/** A request that is good in every other respect, so that who asks is all that decides. */
interface Request {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface Row {
  readonly may: 'everybody' | 'enrolled' | readonly Asker[];
  /** What enrolled askers get who may not; somebody else's unlock may not even be known to exist. */
  readonly otherwise?: Partial<Record<Asker, 'forbidden' | 'not-found'>>;
  /** What those get who may, where it is not a success. */
  readonly answer?: ProblemCode;
  readonly request: () => Request | Promise<Request>;
}

let server: TestServer;
let line: Caller;
let device: Device;
let clients: Record<Exclude<Asker, 'nobody'>, Client>;

before(async () => {
  server = await startServer();
  line = await principal(server.services, ['station'], 'line-1');
  const enrolled: [string, Client][] = [['owner', await server.client('engineer', 'owner')]];
  for (const role of roles) enrolled.push([role, await server.client(role, role)]);
  clients = Object.fromEntries(enrolled) as typeof clients;
  await ordered(server.services, ORDER, 1_000_000, ['line-1', 'station']);
  device = await provisioned(server.services, line);
});
after(() => server.stop());

/** Of `line`, whose fixtures register for it, and of the station that asks. */
const ORDER = 'PO-line-1';
const get = (path: string) => () => ({ path });

/** A module of its own, once for all askers: only those who may change it. */
function withModule(make: (module: Device) => Request | Promise<Request>): () => Promise<Request> {
  let made: Promise<Device> | undefined;
  return async () => {
    made ??= provisioned(server.services, line);
    return make(await made);
  };
}

const tend = (verb: string) =>
  withModule(({ hwid }) => ({ path: `/v1/modules/${hwid}/${verb}`, body: { why: 'access test' } }));

/** An order that is no other row's. */
const end = (verb: string) => async () => {
  const order = await ordered(server.services, `PO-${randomUUID()}`, 5, []);
  return { path: `/v1/orders/${order}/${verb}`, body: { why: 'access test' } };
};

/** An unlock of the owner's, new for each asker. */
async function unlock({ hwid } = device): Promise<string> {
  const body = { hwid, scope: 'console', seconds: 900, reason: 'modem does not register' };
  return idOf(await clients.owner.post('/v1/unlocks', body, idempotency()));
}

async function issued(module: Device): Promise<string> {
  const id = await unlock(module);
  await done(clients.owner.post(`/v1/unlocks/${id}/token`, { challenge: await module.challenge() }));
  return id;
}

async function idOf(answer: Answer): Promise<string> {
  return ((await done(answer)).json['unlock'] as { id: string }).id;
}

let shown: Promise<string> | undefined;
let leaver: Promise<Client> | undefined;

let count = 0;
async function newPerson(): Promise<string> {
  count += 1;
  const { name } = await principal(server.services, ['engineer'], `new-${count}`);
  return name;
}

function idempotency() {
  return { 'Idempotency-Key': randomUUID() };
}

/** Of somebody else's unlock: those who review know that it is there, the others do not. */
const unseen = { engineer: 'not-found', station: 'not-found' } as const;

const table: Record<string, Row> = {
  createPrincipal: {
    may: ['officer'],
    request: () => ({
      path: '/v1/principals',
      body: { name: `made-${randomUUID().slice(0, 8)}`, kind: 'person', roles: ['auditor'] },
    }),
  },
  listPrincipals: { may: ['officer', 'auditor'], request: get('/v1/principals') },
  getPrincipal: { may: ['officer', 'auditor'], request: get('/v1/principals/owner') },
  disablePrincipal: {
    may: ['officer'],
    request: async () => ({ path: `/v1/principals/${await newPerson()}/disable` }),
  },
  enablePrincipal: {
    may: ['officer'],
    request: async () => ({ path: `/v1/principals/${await newPerson()}/enable` }),
  },
  createEnrolment: {
    may: ['officer'],
    request: () => ({ path: '/v1/enrolments', body: { principal: 'owner' } }),
  },
  listEnrolments: { may: ['officer', 'auditor'], request: get('/v1/enrolments') },
  redeemEnrolment: {
    may: 'everybody',
    request: async () => {
      const { secret } = decodeEnrolmentCode(await codeFor(server.services, await newPerson()));
      const key = publicMembers(await clientKey(70 + askers.length + count));
      return { path: '/v1/enrolments/redeem', body: { secret, key } };
    },
  },
  listCertificates: { may: ['officer', 'auditor'], request: get('/v1/certificates') },
  renewCertificate: {
    may: 'enrolled',
    // To a key that has a certificate: the askers keep theirs.
    answer: 'key-unsuitable',
    request: async () => ({
      path: '/v1/certificates/renew',
      body: { key: publicMembers(await clientKey(0)) },
    }),
  },
  revokeCertificate: {
    may: ['officer'],
    request: async () => {
      leaver ??= server.client('engineer');
      return { path: `/v1/certificates/${(await leaver).serial}/revoke` };
    },
  },
  whoami: { may: 'enrolled', request: get('/v1/whoami') },

  createOrder: {
    may: ['officer'],
    request: () => ({
      path: '/v1/orders',
      body: { name: `PO-${randomUUID()}`, quantity: 5, stations: ['station'] },
    }),
  },
  listOrders: { may: 'enrolled', request: get('/v1/orders') },
  getOrder: { may: 'enrolled', request: get(`/v1/orders/${ORDER}`) },
  changeOrder: {
    may: ['officer'],
    request: () => ({ path: `/v1/orders/${ORDER}/change`, body: { quantity: 999_999, why: 'access test' } }),
  },
  offlineBundle: {
    may: ['station'],
    request: () => ({ path: `/v1/orders/${ORDER}/bundle` }),
  },
  closeOrder: { may: ['officer'], request: end('close') },
  reopenOrder: { may: ['officer'], request: end('reopen') },

  registerModule: {
    may: ['station', 'officer'],
    request: () => {
      const { hwid, key } = new Device();
      return { path: '/v1/modules', body: { hwid, key, order: ORDER } };
    },
  },
  importModules: {
    may: ['station', 'officer'],
    request: () => {
      const { hwid, key } = new Device();
      const headers = { 'Content-Type': 'application/x-ndjson' };
      return { path: '/v1/modules/import', body: JSON.stringify({ hwid, key, order: ORDER }), headers };
    },
  },
  exportModules: { may: 'enrolled', request: get('/v1/modules/export') },
  listModules: { may: 'enrolled', request: get('/v1/modules') },
  getModule: { may: 'enrolled', request: () => ({ path: `/v1/modules/${device.hwid}` }) },
  certifyModule: {
    may: ['station', 'officer'],
    request: async () => {
      const module = await provisioned(server.services, line);
      return { path: `/v1/modules/${module.hwid}/tls-certificate`, body: { csr: await module.csr() } };
    },
  },
  confirmModule: {
    may: ['station', 'officer'],
    request: withModule(async (module) => {
      const registered = { hwid: module.hwid, key: module.key, order: ORDER };
      const { json } = await done(clients.station.post('/v1/modules', registered));
      const bundle = String(json['bundle']);
      const { jti } = JSON.parse(Buffer.from(bundle.split('.')[1] ?? '', 'base64url').toString());
      const receipt = await module.receipt('provisioned', jti, { dig: digest(bundle) });
      return { path: `/v1/modules/${module.hwid}/confirm`, body: { receipt } };
    }),
  },
  suspendModule: { may: ['officer'], request: tend('suspend') },
  resumeModule: { may: ['officer'], request: tend('resume') },
  retireModule: { may: ['officer'], request: tend('retire') },
  clearModule: { may: ['officer'], request: tend('clear') },
  resetModuleSeq: { may: ['officer'], request: tend('reset-seq') },

  listDoubtfulPasswords: { may: ['officer', 'auditor'], request: get('/v1/passwords/doubtful') },

  createUnlock: {
    may: ['owner', 'engineer'],
    request: () => ({
      path: '/v1/unlocks',
      body: { hwid: device.hwid, scope: 'console', seconds: 900, reason: 'modem does not register' },
    }),
  },
  listUnlocks: { may: 'enrolled', request: get('/v1/unlocks') },
  getUnlock: {
    may: ['owner', 'approver', 'auditor', 'officer'],
    otherwise: unseen,
    request: async () => ({ path: `/v1/unlocks/${await unlock()}` }),
  },
  cancelUnlock: {
    may: ['owner'],
    otherwise: unseen,
    request: async () => ({ path: `/v1/unlocks/${await unlock()}/cancel` }),
  },
  issueToken: {
    may: ['owner'],
    otherwise: unseen,
    request: async () => {
      const challenge = await device.challenge();
      return { path: `/v1/unlocks/${await unlock()}/token`, body: { challenge } };
    },
  },
  revealPassword: {
    may: ['owner'],
    otherwise: unseen,
    request: async () => {
      shown ??= provisioned(server.services, line).then(issued);
      return { path: `/v1/unlocks/${await shown}/password` };
    },
  },

  uploadReceipts: { may: 'enrolled', request: () => ({ path: '/v1/receipts', body: { receipts: ['x'] } }) },
  searchEvents: { may: 'enrolled', request: get('/v1/events') },
  bundleUnlock: {
    may: ['owner', 'auditor', 'officer'],
    otherwise: { engineer: 'not-found', station: 'not-found', approver: 'not-found' },
    request: async () => ({ path: `/v1/events/bundle?unlock=${await unlock()}` }),
  },
  getEvent: {
    may: ['auditor', 'officer'],
    otherwise: { owner: 'not-found', engineer: 'not-found', station: 'not-found', approver: 'not-found' },
    request: get('/v1/events/0'),
  },

  getKeys: { may: 'everybody', request: get('/v1/keys') },
  getJwks: { may: 'everybody', request: get('/.well-known/jwks.json') },
  getCheckpoint: { may: 'everybody', request: get('/log/checkpoint') },
  getTile: { may: 'everybody', request: get('/log/tile/0/000.p/1') },
  getEntries: { may: ['auditor', 'officer'], request: get('/log/tile/entries/000.p/1') },
  getOpenapi: { may: 'everybody', request: get('/openapi.json') },
};

const operations = allOperations('test');

test('every operation has a row that says who may, and every row an operation', () => {
  assert.deepEqual(Object.keys(table).sort(), operations.map(({ id }) => id).sort());
});

for (const { id, method } of operations) {
  const row = table[id];
  if (row === undefined) continue;
  test(`${id} is for ${[row.may].flat().join(', ')}`, async () => {
    for (const asker of askers) {
      const client = asker === 'nobody' ? server.anonymous() : clients[asker];
      const { path, body, headers } = await row.request();
      const sent = { body, headers: { ...idempotency(), ...headers } };
      const answer = await client.call(method.toUpperCase(), path, sent);
      await judge(id, row, asker, answer);
    }
  });
}

async function judge(id: string, row: Row, asker: Asker, answer: Answer): Promise<void> {
  const { may, otherwise } = row;
  const said = `${id} by ${asker}: ${answer.status} ${answer.bytes.toString('latin1', 0, 300)}`;
  const permitted =
    may === 'everybody' || (asker !== 'nobody' && (may === 'enrolled' || may.includes(asker)));
  if (!permitted && asker === 'nobody') await refused('certificate-required', answer);
  else if (!permitted) assert.equal(answer.json['code'], otherwise?.[asker] ?? 'forbidden', said);
  else if (row.answer !== undefined) assert.equal(answer.json['code'], row.answer, said);
  else assert.ok(answer.status < 300, said);
}
