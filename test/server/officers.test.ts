import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { disablePrincipal } from '../../server/decisions/principals.ts';
import { type Answer, type Client, clientKey, done, refused } from '../fixture/client.ts';
import { codeFor, redeemed } from '../fixture/enrolled.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';
import { caller, principal } from '../fixture/unlocks.ts';

/** Somebody must be left who can administer the server: the last officer who can get in stays (docs/operations.md). */

const HOUR = 3_600_000;

let server: TestServer;
let olga: Client;

beforeEach(async () => {
  const clock = new TestClock();
  clock.stop();
  server = await startServer({}, clock);
  olga = await server.client('officer', 'olga');
});
afterEach(() => server.stop());

/** Another officer, who has nothing yet but the role. */
async function otto(): Promise<void> {
  await principal(server.services, ['officer'], 'otto');
}

async function enrols(code: string): Promise<Client> {
  return server.anonymous(await redeemed(server.services, code, await clientKey(1)));
}

const disable = (by: Client, name: string): Promise<Answer> => by.post(`/v1/principals/${name}/disable`);
const leaves = () => disable(olga, 'olga');
const code = () => codeFor(server.services, 'otto');

describe('does not count as the officer who remains: one', () => {
  const others: Record<string, () => Promise<unknown>> = {
    'who is none': () => server.client('auditor'),
    'who was never given a code': otto,
    'whose code has ended': async () => {
      await otto();
      await code();
      server.clock.advance(15 * 60_000);
    },
    'whose code was withdrawn': async () => {
      await otto();
      await code();
      for (const verb of ['disable', 'enable']) await done(olga.post(`/v1/principals/otto/${verb}`));
    },
    'whose code is by the one who leaves, and ends with them': async () => {
      await otto();
      await done(olga.post('/v1/enrolments', { principal: 'otto' }, { 'Idempotency-Key': randomUUID() }));
    },
    'whose certificate was revoked': async () => {
      await otto();
      const { serial } = await enrols(await code());
      await done(olga.post(`/v1/certificates/${serial}/revoke`));
    },
  };
  for (const [who, make] of Object.entries(others)) {
    test(who, async () => {
      await make();
      const { json } = await refused('last-officer', leaves());
      assert.match(
        String(json['detail']),
        /olga is the last officer who can get in; have another one enrol first/,
      );
      await done(olga.get('/v1/principals'));
    });
  }
});

test('one whose code can still be used counts, and gets in by it', async () => {
  await otto();
  const unused = await code();
  await done(leaves());
  const client = await enrols(unused);
  await done(client.post('/v1/principals/olga/enable'));
});

test('one whose certificate has ended counts for as long as it can be renewed', async () => {
  await otto();
  await enrols(await code());
  server.clock.advance(84 * HOUR);
  const young = await codeFor(server.services, 'olga');
  olga = server.anonymous(await redeemed(server.services, young, await clientKey(2)));
  server.clock.advance(1);
  await refused('last-officer', leaves());
  server.clock.advance(-1);
  await done(leaves());
});

test('two officers who shut each other out at once: one remains, and the other is told', async () => {
  await otto();
  const other = await enrols(await code());
  const answers = await Promise.all([disable(olga, 'otto'), disable(other, 'olga')]);
  const codes = answers.map(({ json }) => json['code']).filter((code) => code !== undefined);
  assert.equal(codes.length, 1);
  // Told inside the commit, or by the middleware where the other's was over before this one came.
  assert.ok(codes[0] === 'principal-disabled' || codes[0] === 'certificate-revoked', String(codes[0]));
});

test('two officers who leave at once: one remains', async () => {
  await otto();
  const other = await enrols(await code());
  const answers = await Promise.all([leaves(), disable(other, 'otto')]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
  await refused('last-officer', answers.find(({ status }) => status === 409) ?? answers[0]);
});

test('who is no officer can be shut out, whoever remains', async () => {
  const erna = await principal(server.services, ['engineer'], 'erna');
  await done(olga.post(`/v1/certificates/${olga.serial}/revoke`));
  await disablePrincipal(erna.name, caller(['officer'], 'otto'), server.services);
});

test('the last officer’s certificate can be revoked all the same: its key may be stolen', async () => {
  await done(olga.post(`/v1/certificates/${olga.serial}/revoke`));
  await refused('certificate-revoked', olga.get('/v1/whoami'));
});
