import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { decodeEnrolmentCode } from '../../protocol/enrolment-code.ts';
import type { Services } from '../../server/context.ts';
import { secretDigest } from '../../server/decisions/invite.ts';
import { redeem as redeemByDecision } from '../../server/decisions/redeem.ts';
import { type Answer, type Client, clientKey, done, refused } from '../fixture/client.ts';
import { codeFor, publicMembers } from '../fixture/enrolled.ts';
import { eventsOf } from '../fixture/events.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';

const MINUTE = 60_000;

let server: TestServer;
let officer: Client;
before(async () => {
  const clock = new TestClock();
  clock.stop();
  server = await startServer({}, clock);
  officer = await server.client('officer', 'olga');
});
after(() => server.stop());

let people = 0;
/** A person who has not enrolled yet. */
async function person(): Promise<string> {
  people += 1;
  const name = `person-${people}`;
  const body = { name, kind: 'person', roles: ['engineer'] };
  await done(officer.post('/v1/principals', body, { 'Idempotency-Key': randomUUID() }));
  return name;
}

const invite = (principal: string, key: string = randomUUID()) =>
  officer.post('/v1/enrolments', { principal }, { 'Idempotency-Key': key });

/** @param place of the client key in this process's pool */
async function redeem(code: string, place: number): Promise<Answer> {
  return server.anonymous().post('/v1/enrolments/redeem', {
    secret: secretOf(code),
    key: publicMembers(await clientKey(place)),
  });
}

const codeOf = (answer: Answer) => String(answer.json['code']);
const stateOf = (answer: Answer) => (answer.json['enrolment'] as { state: string }).state;
const secretOf = (code: string) => decodeEnrolmentCode(code).secret;

test('a code is one paste: where the server is, what to trust, and a secret', async () => {
  const code = decodeEnrolmentCode(codeOf(await done(invite(await person()))));
  assert.deepEqual(
    { ...code, secret: code.secret.length },
    {
      server: server.origin,
      ca: server.services.keys.ca.fingerprint,
      roots: server.services.keys.roots.map(({ kid }) => kid),
      secret: 43,
    },
  );
});

test('a redeemed code gives a certificate that its key’s holder gets in with, and two events', async () => {
  const name = await person();
  const answer = await done(redeem(codeOf(await invite(name)), 20));
  const { pem, ca, log, certificate } = answer.json as {
    pem: string;
    ca: string;
    log: { index: number };
    certificate: { serial: string; lineage: string; kid: string; expires: string };
  };
  assert.equal(ca, server.services.keys.ca.certificate);
  const client = server.anonymous({ key: await clientKey(20), pem });
  assert.deepEqual((await done(client.get('/v1/whoami'))).json['certificate'], certificate);
  const redeemed = (await eventsOf(server, 'enrolment.redeemed')).at(-1);
  assert.deepEqual(
    [redeemed?.enrolment, redeemed?.principal, redeemed?.kid],
    [certificate.lineage, name, certificate.kid],
  );
  const issued = (await eventsOf(server, 'certificate.issued')).at(-1);
  assert.deepEqual(
    [issued?.serial, issued?.lineage, issued?.expires],
    [certificate.serial, certificate.lineage, certificate.expires],
  );
  assert.ok(log.index > 0);
});

test('people’s certificates live 12 hours, stations’ 30 days', async () => {
  for (const [role, hours] of [
    ['engineer', 12],
    ['station', 30 * 24],
  ] as const) {
    const { json } = await done((await server.client(role)).get('/v1/whoami'));
    const { created, expires } = json['certificate'] as { created: string; expires: string };
    assert.equal(Date.parse(expires) - Date.parse(created), hours * 60 * MINUTE);
  }
});

test('code and key again get the same certificate, even after the code’s 15 minutes, and write nothing', async () => {
  const code = codeOf(await invite(await person()));
  const first = await done(redeem(code, 21));
  const size = (await eventsOf(server, 'certificate.issued')).length;
  const again = await done(redeem(code, 21));
  server.clock.advance(16 * MINUTE);
  const late = await done(redeem(code, 21));
  for (const { json } of [again, late]) assert.deepEqual(json, { ...first.json, log: null });
  assert.equal((await eventsOf(server, 'certificate.issued')).length, size);
});

test('a used code with another key: code-used, and the event enrolment.misused', async () => {
  const code = codeOf(await invite(await person()));
  const { json } = await done(redeem(code, 22));
  await refused('code-used', redeem(code, 23));
  const misuse = (await eventsOf(server, 'enrolment.misused')).at(-1);
  assert.equal(misuse?.enrolment, (json['certificate'] as { lineage: string }).lineage);
  const client = server.anonymous({ key: await clientKey(22), pem: String(json['pem']) });
  await done(client.get('/v1/whoami'));
});

test('a code ends after 15 minutes', async () => {
  const code = codeOf(await invite(await person()));
  server.clock.advance(15 * MINUTE);
  await refused('code-expired', redeem(code, 24));
  server.clock.advance(-1);
  await done(redeem(code, 24));
  server.clock.advance(1);
});

test('a secret that no code has: code-unknown', async () => {
  const code = codeOf(await invite(await person()));
  const secret = secretOf(code);
  const other = `${secret.startsWith('A') ? 'B' : 'A'}${secret.slice(1)}`;
  const key = publicMembers(await clientKey(24));
  await refused('code-unknown', officer.post('/v1/enrolments/redeem', { secret: other, key }));
});

test('a key that has a certificate, or is not RSA-3072, is unsuitable', async () => {
  const code = codeOf(await invite(await person()));
  await done(redeem(codeOf(await invite(await person())), 25));
  await refused('key-unsuitable', redeem(code, 25));
  const secret = secretOf(code);
  for (const modulus of [Buffer.alloc(384, 0x7f), Buffer.alloc(384, 0xfe)]) {
    const key = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' };
    await refused('key-unsuitable', officer.post('/v1/enrolments/redeem', { secret, key }));
  }
  await done(redeem(code, 26));
});

test('who is disabled redeems nothing and gets no code; enabled again, only a fresh code gets them in', async () => {
  const [name, key] = [await person(), randomUUID()];
  const code = codeOf(await invite(name, key));
  await done(officer.post(`/v1/principals/${name}/disable`));
  const { json } = await refused('code-withdrawn', redeem(code, 27));
  assert.match(
    String(json['detail']),
    new RegExp(`withdrawn at .* ${name}, or whoever made it, was shut out`),
  );
  await refused('principal-disabled', invite(name));
  await done(officer.post(`/v1/principals/${name}/enable`));
  await refused('code-withdrawn', redeem(code, 27));
  const again = await done(invite(name, key));
  assert.deepEqual([again.json['code'], stateOf(again)], [null, 'withdrawn']);
  await done(redeem(codeOf(await done(invite(name))), 27));
  await refused('code-withdrawn', redeem(code, 30));
});

describe('whatever revokes somebody’s certificate withdraws the codes that they have not used, in the same commit', () => {
  const revoke = (by: Client, { serial }: Client) => by.post(`/v1/certificates/${serial}/revoke`);
  const renew = async (client: Client, place: number) =>
    client.post('/v1/certificates/renew', { key: publicMembers(await clientKey(place)) });
  const ways: Record<string, (client: Client, name: string) => Promise<unknown>> = {
    'by an officer': (client) => done(revoke(officer, client)),
    'by themselves': (client) => done(revoke(client, client)),
    'by renewing it to two keys': async (client) => {
      await done(renew(client, 35));
      await refused('certificate-revoked', renew(client, 36));
    },
    'with all of theirs, being disabled': (_client, name) =>
      done(officer.post(`/v1/principals/${name}/disable`)),
  };
  const statesOf = async (name: string) => {
    const { json } = await done(officer.get(`/v1/enrolments?principal=${name}`));
    return (json['items'] as { state: string }[]).map(({ state }) => state).sort();
  };

  for (const [how, act] of Object.entries(ways)) {
    test(how, async () => {
      const client = await server.client('engineer');
      const { json } = await done(client.get('/v1/whoami'));
      const { name } = json['principal'] as { name: string };
      const bystander = codeOf(await done(invite(await person())));
      const code = codeOf(await done(invite(name)));
      await act(client, name);
      assert.deepEqual(await statesOf(name), ['redeemed', 'withdrawn']);
      await refused('code-withdrawn', redeem(code, 33));
      const row = server.store.read.selectFrom('enrolments').select('sealed_code');
      const held = await row.where('secret_digest', '=', secretDigest(secretOf(code))).executeTakeFirst();
      assert.deepEqual(held, { sealed_code: null });
      const kept = row.where('secret_digest', '=', secretDigest(secretOf(bystander)));
      assert.ok((await kept.executeTakeFirst())?.sealed_code);
    });
  }
});

test('what revokes an officer’s certificate withdraws the unused codes that they made, whomever for', async () => {
  const thief = await server.client('officer');
  const make = async (by: Client) => {
    const body = { principal: await person() };
    return codeOf(await done(by.post('/v1/enrolments', body, { 'Idempotency-Key': randomUUID() })));
  };
  const [used, unused, bystander] = [await make(thief), await make(thief), await make(officer)];
  await done(redeem(used, 37));
  await done(officer.post(`/v1/certificates/${thief.serial}/revoke`));
  await refused('code-withdrawn', redeem(unused, 38));
  await done(redeem(used, 37));
  await done(redeem(bystander, 38));
});

test('of a code’s two ends, it tells of the first', async () => {
  const name = await person();
  const turn = (verb: string) => done(officer.post(`/v1/principals/${name}/${verb}`));
  const expired = codeOf(await done(invite(name)));
  server.clock.advance(15 * MINUTE);
  const withdrawn = codeOf(await done(invite(name)));
  await turn('disable');
  server.clock.advance(15 * MINUTE);
  for (const verb of ['enable', 'disable']) {
    await turn(verb);
    await refused('code-expired', redeem(expired, 34));
    await refused('code-withdrawn', redeem(withdrawn, 34));
  }
});

test('a code that is withdrawn while its certificate is signed gives none', async () => {
  const name = await person();
  const secret = secretOf(codeOf(await done(invite(name))));
  const { services } = server;
  const commit: Services['commit'] = async (author, fn) => {
    await done(officer.post(`/v1/principals/${name}/disable`));
    return services.commit(author, fn);
  };
  const key = publicMembers(await clientKey(34));
  await assert.rejects(redeemByDecision({ secret, key }, { ...services, commit }), {
    code: 'code-withdrawn',
  });
  const { json } = await done(officer.get(`/v1/certificates?principal=${name}`));
  assert.deepEqual(json['items'], []);
});

test('a code that ends while its certificate is signed gives none', async () => {
  const name = await person();
  const secret = secretOf(codeOf(await done(invite(name))));
  const { services } = server;
  const commit: Services['commit'] = (author, fn) => {
    server.clock.advance(15 * MINUTE);
    return services.commit(author, fn);
  };
  const key = publicMembers(await clientKey(34));
  await assert.rejects(redeemByDecision({ secret, key }, { ...services, commit }), { code: 'code-expired' });
  const { json } = await done(officer.get(`/v1/certificates?principal=${name}`));
  assert.deepEqual(json['items'], []);
});

test('a code raced for by two keys goes to one of them, the other is told why', async () => {
  const code = codeOf(await invite(await person()));
  const answers = await Promise.all([redeem(code, 28), redeem(code, 29)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409]);
  await refused('code-used', answers.find(({ status }) => status === 409) ?? answers[0]);
});

test('a code raced for by one key twice gives one certificate', async () => {
  const code = codeOf(await invite(await person()));
  const answers = await Promise.all([redeem(code, 30), redeem(code, 30)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201],
  );
  assert.equal(answers[0].json['pem'], answers[1].json['pem']);
});

test('an enrolment sent again gives the same code, until it is redeemed', async () => {
  const [name, key] = [await person(), randomUUID()];
  const first = await done(invite(name, key));
  assert.deepEqual((await done(invite(name, key))).json, { ...first.json, log: null });
  await done(redeem(codeOf(first), 31));
  const after = await done(invite(name, key));
  assert.deepEqual([after.json['code'], stateOf(after)], [null, 'redeemed']);
});

test('an enrolment sent again after its 15 minutes has no code, and later enrolments forget the sealed one', async () => {
  const [name, key] = [await person(), randomUUID()];
  await done(invite(name, key));
  server.clock.advance(15 * MINUTE);
  const after = await done(invite(name, key));
  assert.deepEqual([after.json['code'], stateOf(after)], [null, 'expired']);
  await done(invite(name));
  const sealed = await server.store.read
    .selectFrom('enrolments')
    .select('sealed_code')
    .where('expires', '<=', server.clock.now().toISOString())
    .where('sealed_code', 'is not', null)
    .execute();
  assert.deepEqual(sealed, []);
});

test('an Idempotency-Key is one request: another body is refused, another principal’s key is its own', async () => {
  const [one, two, key] = [await person(), await person(), randomUUID()];
  await done(invite(one, key));
  await refused('idempotency-key-reused', invite(two, key));
  const other = await server.client('officer');
  await done(other.post('/v1/enrolments', { principal: two }, { 'Idempotency-Key': key }));
});

test('one request sent twice at once makes one row', async () => {
  const [name, key] = [await person(), randomUUID()];
  const answers = await Promise.all([invite(name, key), invite(name, key)]);
  assert.equal(codeOf(answers[0]), codeOf(answers[1]));
  const { json } = await done(officer.get(`/v1/enrolments?principal=${name}`));
  assert.equal((json['items'] as unknown[]).length, 1);
});

test('names are given once, stations have their one role, the last officer stays', async () => {
  const make = (body: object) => officer.post('/v1/principals', body, { 'Idempotency-Key': randomUUID() });
  const name = await person();
  await refused('principal-exists', make({ name, kind: 'person', roles: ['auditor'] }));
  await refused('invalid-request', make({ name: 'line-9', kind: 'station', roles: ['station', 'officer'] }));
  await refused('invalid-request', make({ name: 'line-9', kind: 'person', roles: ['station'] }));
  await refused('invalid-request', make({ name: 'line-9', kind: 'person', roles: ['auditor', 'auditor'] }));
  const { json } = await done(officer.get('/v1/principals?limit=500'));
  const officers = (json['items'] as { name: string; roles: string[] }[]).filter(({ roles }) =>
    roles.includes('officer'),
  );
  for (const other of officers) {
    if (other.name !== 'olga') await done(officer.post(`/v1/principals/${other.name}/disable`));
  }
  await refused('last-officer', officer.post('/v1/principals/olga/disable'));
});

test('lists go on page by page, each item once', async () => {
  const seen: string[] = [];
  let next: unknown = '';
  do {
    const after = next === '' ? '' : `&after=${encodeURIComponent(String(next))}`;
    const { json } = await done(officer.get(`/v1/certificates?limit=3${after}`));
    seen.push(...(json['items'] as { serial: string }[]).map(({ serial }) => serial));
    next = json['next'];
  } while (next !== null);
  const { json } = await done(officer.get('/v1/certificates?limit=500'));
  assert.deepEqual(
    seen,
    (json['items'] as { serial: string }[]).map(({ serial }) => serial),
  );
  assert.ok(seen.length > 6);
});

test('neither code nor secret stands in the log or in diagnostics (order rule 5)', async () => {
  const code = await codeFor(server.services, await person());
  await done(redeem(code, 32));
  const secret = secretOf(code);
  const leaves = await server.store.read.selectFrom('log_leaves').select('leaf').execute();
  const everything = [...server.lines, ...leaves.map(({ leaf }) => Buffer.from(leaf).toString())].join('\n');
  assert.ok(everything.includes('redeemEnrolment') || everything.includes('/v1/enrolments/redeem'));
  assert.ok(!everything.includes(secret) && !everything.includes(code));
});
