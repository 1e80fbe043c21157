import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Caller, Services } from '../../server/context.ts';
import { renew as renewByDecision } from '../../server/decisions/renew.ts';
import { type Answer, type Client, clientKey, done, refused } from '../fixture/client.ts';
import { publicMembers } from '../fixture/enrolled.ts';
import { eventsOf } from '../fixture/events.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let server: TestServer;
let officer: Client;
before(async () => {
  const clock = new TestClock();
  clock.stop();
  server = await startServer({}, clock);
  officer = await server.client('officer');
});
after(() => server.stop());

let next = 40;
const freshKey = () => clientKey(next++);

/** Renews the client's certificate to the key at `place` of this process's pool. */
async function renew(client: Client, key: Awaited<ReturnType<typeof clientKey>>): Promise<Answer> {
  return client.post('/v1/certificates/renew', { key: publicMembers(key) });
}

/** The client of the certificate that a renewal gave. */
async function renewed(client: Client): Promise<Client> {
  const key = await freshKey();
  const { json } = await done(renew(client, key));
  return server.anonymous({ key, pem: String(json['pem']) });
}

const whoami = (client: Client) => client.get('/v1/whoami');

async function at<T>(milliseconds: number, act: () => Promise<T>): Promise<T> {
  server.clock.advance(milliseconds);
  try {
    return await act();
  } finally {
    server.clock.advance(-milliseconds);
  }
}

async function lineage(client: Client): Promise<{ state: string; serial: string }[]> {
  const rows = server.store.read.selectFrom('certificates').select(['lineage', 'state', 'serial']);
  const [own] = await rows.where('serial', '=', client.serial).execute();
  return rows.where('lineage', '=', own?.lineage ?? '').execute();
}

test('a certificate renews to a new key; the old one is told so at its next request', async () => {
  const old = await server.client('engineer');
  const young = await renewed(old);
  await done(whoami(young));
  await refused('certificate-renewed', whoami(old));
  const event = (await eventsOf(server, 'certificate.renewed')).at(-1);
  assert.deepEqual([event?.from, event?.serial], [old.serial, young.serial]);
});

test('the same serial and key again give the same certificate, and write nothing', async () => {
  const old = await server.client('engineer');
  const key = await freshKey();
  const first = await done(renew(old, key));
  assert.deepEqual((await done(renew(old, key))).json, { ...first.json, log: null });
});

test('a second key from one serial revokes the lineage, and both holders are told', async () => {
  const old = await server.client('engineer');
  const young = await renewed(old);
  const youngest = await renewed(young);
  const { json } = await refused('certificate-revoked', renew(old, await freshKey()));
  assert.match(String(json['detail']), /one of the two is a copy/);
  for (const client of [old, young, youngest]) await refused('certificate-revoked', whoami(client));
  await refused('certificate-revoked', renew(youngest, await freshKey()));
  const event = (await eventsOf(server, 'certificate.revoked')).at(-1);
  assert.equal(event?.why, 'two-keys');
  assert.deepEqual([...new Set((await lineage(old)).map(({ state }) => state))], ['revoked']);
});

test('a key that has a certificate, the present one too, is unsuitable', async () => {
  const client = await server.client('engineer');
  const own = client.identity?.key;
  assert.ok(own);
  await refused('key-unsuitable', renew(client, own));
  await done(whoami(client));
});

/** The client as the middleware lets it in to renew. */
async function admittedAs({ serial }: Client): Promise<Caller> {
  const row = await server.store.read
    .selectFrom('certificates')
    .select(['principal as name', 'lineage', 'serial'])
    .where('serial', '=', serial)
    .executeTakeFirstOrThrow();
  return { ...row, kind: 'person', roles: ['engineer'], ends: Number.POSITIVE_INFINITY };
}

test('people renew until 72 hours after the end, and then no more', async () => {
  const client = await server.client('engineer');
  const end = 12 * HOUR + 72 * HOUR;
  await refused(
    'renewal-refused',
    at(end + 1, async () => renew(client, await freshKey())),
  );
  await at(end, async () => {
    await refused('certificate-expired', whoami(client));
    await done(whoami(await renewed(client)));
  });
});

test('stations renew until 90 days after the end, and then no more', async () => {
  const client = await server.client('station');
  await refused(
    'renewal-refused',
    at(120 * DAY + 1, async () => renew(client, await freshKey())),
  );
  await at(120 * DAY, async () => done(whoami(await renewed(client))));
});

test('people renew for at most 14 days after the code, however often; stations go on', async () => {
  const start = server.clock.now().getTime();
  let person = await server.client('engineer');
  let station = await server.client('station');
  try {
    for (let day = 3; day <= 12; day += 3) {
      server.clock.advance(3 * DAY);
      person = await renewed(person);
      station = await renewed(station);
    }
    server.clock.advance(2 * DAY);
    person = await renewed(person);
    await done(whoami(person));
    server.clock.advance(1);
    await done(whoami(person));
    await refused('renewal-refused', renew(person, await freshKey()));
    await renewed(station);
  } finally {
    server.clock.advance(start - server.clock.now().getTime());
  }
});

test('two clients racing with one certificate and one key get one certificate', async () => {
  const client = await server.client('engineer');
  const other = server.anonymous(client.identity);
  const key = await freshKey();
  const answers = await Promise.all([renew(client, key), renew(other, key)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201],
  );
  assert.equal(answers[0].json['pem'], answers[1].json['pem']);
});

test('two clients racing with one certificate and two keys end the lineage', async () => {
  const client = await server.client('engineer');
  const other = server.anonymous(client.identity);
  const [one, two] = [await freshKey(), await freshKey()];
  const answers = await Promise.all([renew(client, one), renew(other, two)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 401]);
  assert.deepEqual([...new Set((await lineage(client)).map(({ state }) => state))], ['revoked']);
});

test('renew against revoke: whoever comes first, the lineage is revoked, and the renewal never says otherwise', async () => {
  for (let turn = 0; turn < 4; turn += 1) {
    const client = await server.client('engineer');
    const key = await freshKey();
    const revoke = () => officer.post(`/v1/certificates/${client.serial}/revoke`);
    // Each first in turn; how far the other gets before it is up to the machine.
    const order = turn % 2 === 0 ? [() => renew(client, key), revoke] : [revoke, () => renew(client, key)];
    const answers = await Promise.all(order.map((act) => act()));
    const renewal = answers[turn % 2] as Answer;
    if (renewal.status === 201) {
      const young = server.anonymous({ key, pem: String(renewal.json['pem']) });
      await refused('certificate-revoked', whoami(young));
    } else await refused('certificate-revoked', renewal);
    assert.deepEqual([...new Set((await lineage(client)).map(({ state }) => state))], ['revoked']);
  }
});

test('a revocation between admission and commit wins over the renewal', async () => {
  const client = await server.client('engineer');
  const admitted = await admittedAs(client);
  await done(officer.post(`/v1/certificates/${client.serial}/revoke`));
  const renewal = renewByDecision(admitted, { key: publicMembers(await freshKey()) }, server.services);
  await assert.rejects(renewal, { code: 'certificate-revoked' });
});

test('a renewal that is not committed before the grace is over gives none', async () => {
  const client = await server.client('engineer');
  const { services } = server;
  const commit: Services['commit'] = (author, fn) => at(84 * HOUR + 1, () => services.commit(author, fn));
  const renewal = { key: publicMembers(await freshKey()) };
  await assert.rejects(renewByDecision(await admittedAs(client), renewal, { ...services, commit }), {
    code: 'renewal-refused',
  });
  assert.deepEqual(
    (await lineage(client)).map(({ state }) => state),
    ['live'],
  );
});

test('one may revoke one’s own certificate, an officer anybody’s, and nobody else another’s', async () => {
  const [one, two] = [await server.client('engineer'), await server.client('auditor')];
  const revoke = (client: Client, serial: string) => client.post(`/v1/certificates/${serial}/revoke`);
  await refused('forbidden', revoke(two, one.serial));
  await refused('forbidden', revoke(two, 'abcd'));
  await refused('not-found', revoke(officer, 'abcd'));
  await done(whoami(one));
  await done(revoke(one, one.serial));
  assert.ok((await done(revoke(officer, two.serial))).json['log']);
  assert.equal((await done(revoke(officer, two.serial))).json['log'], null);
});

test('a disabled principal renews nothing', async () => {
  const client = await server.client('engineer');
  const { json } = await whoami(client);
  const { name } = json['principal'] as { name: string };
  await done(officer.post(`/v1/principals/${name}/disable`));
  await refused('certificate-revoked', renew(client, await freshKey()));
});
