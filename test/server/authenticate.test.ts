import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { makeCa, makeCaCertificate, newSerial } from '../../keys/certificates.ts';
import { type Client, clientKey, done, refused } from '../fixture/client.ts';
import { ISS } from '../fixture/keys.ts';
import { recut } from '../fixture/recut.ts';
import { startServer, TestClock, type TestServer } from '../fixture/server.ts';

const HOUR = 3_600_000;

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const whoami = (client: Client) => client.get('/v1/whoami');

/** Valid from an hour ago for a day, by the clock that the server goes by. */
function present() {
  const now = server.clock.now().getTime();
  return { notBefore: new Date(now - HOUR), notAfter: new Date(now + 24 * HOUR) };
}

function request(key: KeyObject, name = 'mallory', serial = newSerial(randomBytes)) {
  return { kind: 'person', name, key: createPublicKey(key), serial, ...present() } as const;
}

test('an enrolled person is known by the certificate alone', async () => {
  const engineer = await server.client('engineer');
  const { json } = await done(whoami(engineer));
  assert.deepEqual(
    { ...json, server: undefined },
    {
      principal: {
        ...(json['principal'] as object),
        name: 'engineer-0',
        kind: 'person',
        roles: ['engineer'],
        state: 'enabled',
      },
      certificate: { ...(json['certificate'] as object), serial: engineer.serial, state: 'live' },
      server: undefined,
    },
  );
});

test('without a certificate: certificate-required', async () => {
  await refused('certificate-required', whoami(server.anonymous()));
});

test('a certificate of another CA of the same name is untrusted, though its serial is a live one', async () => {
  const engineer = await server.client('engineer');
  const key = await clientKey(90);
  const valid = { serial: newSerial(randomBytes), ...present() };
  const other = makeCa(key, await makeCaCertificate(key, ISS, valid), ISS);
  const pem = await other.issueClient(request(key, 'engineer-1', engineer.serial));
  await refused('certificate-untrusted', whoami(server.anonymous({ key, pem })));
});

test('a certificate of this CA whose serial is not in the database is untrusted', async () => {
  const key = await clientKey(90);
  const pem = await server.services.keys.ca.issueClient(request(key));
  await refused('certificate-untrusted', whoami(server.anonymous({ key, pem })));
});

test('a live serial under another name is untrusted', async () => {
  const engineer = await server.client('engineer');
  const key = await clientKey(90);
  const pem = await server.services.keys.ca.issueClient(request(key, 'mallory', engineer.serial));
  await refused('certificate-untrusted', whoami(server.anonymous({ key, pem })));
});

test('a live certificate with another key in it, signed by that key, is untrusted', async () => {
  const engineer = await server.client('engineer');
  const key = await clientKey(90);
  const pem = recut(engineer.identity?.pem ?? '', { key, signer: key });
  await refused('certificate-untrusted', whoami(server.anonymous({ key, pem })));
});

test('a certificate of this CA that is not for clients is untrusted, though it is like a live one', async () => {
  const { identity } = await server.client('engineer');
  assert.ok(identity);
  const signer = server.keys.material.ca;
  const same = { ...identity, pem: recut(identity.pem, { signer }) };
  await done(whoami(server.anonymous(same)));
  const other = { ...identity, pem: recut(identity.pem, { signer, usage: 'serverAuth' }) };
  await refused('certificate-untrusted', whoami(server.anonymous(other)));
});

test('TLS 1.2 is not spoken', async () => {
  const { port } = server.running.api;
  const socket = connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false });
  const [error] = await once(socket, 'error');
  assert.match(String(error), /protocol version|alert/i);
});

test('the handshake sends the CA certificate, whose fingerprint enrolment codes carry', async () => {
  const { port } = server.running.api;
  const socket = connect({ port, host: '127.0.0.1', ca: server.services.keys.ca.certificate });
  await once(socket, 'secureConnect');
  const { issuerCertificate } = socket.getPeerCertificate(true);
  socket.destroy();
  const fingerprint = Buffer.from(issuerCertificate.fingerprint256.replaceAll(':', ''), 'hex');
  assert.equal(fingerprint.toString('base64url'), server.services.keys.ca.fingerprint);
});

/** Two ways in which TLS itself does not look at a certificate again. */
const ways = [
  { way: 'a kept-alive connection', keepAlive: true },
  { way: 'a resumed TLS session', keepAlive: false },
];

for (const { way, keepAlive } of ways) {
  const again = async (client: Client) => {
    const answer = await whoami(client);
    assert.deepEqual([answer.keptAlive, answer.resumed], [keepAlive, !keepAlive]);
    return answer;
  };
  const connected = async () => {
    const client = server.anonymous((await server.client('engineer')).identity, keepAlive);
    await done(whoami(client));
    await done(again(client));
    return client;
  };

  test(`an expired certificate is refused on ${way}`, async () => {
    const client = await connected();
    server.clock.advance(12 * HOUR);
    await refused('certificate-expired', again(client));
    server.clock.advance(-12 * HOUR);
    await done(again(client));
  });

  test(`a certificate whose time has not come is refused on ${way}`, async () => {
    const client = await connected();
    server.clock.advance(-2 * HOUR);
    await refused('certificate-expired', again(client));
    server.clock.advance(2 * HOUR);
  });

  test(`a revoked certificate is refused at the next request on ${way}`, async () => {
    const client = await connected();
    await done(client.post(`/v1/certificates/${client.serial}/revoke`));
    await refused('certificate-revoked', again(client));
  });

  test(`a disabled principal is refused at the next request on ${way}, and so are its certificates later`, async () => {
    const officer = await server.client('officer');
    const client = await connected();
    const { json } = await whoami(client);
    const { name } = json['principal'] as { name: string };
    await done(officer.post(`/v1/principals/${name}/disable`));
    await refused('certificate-revoked', again(client));
    await done(officer.post(`/v1/principals/${name}/enable`));
    await refused('certificate-revoked', again(client));
  });
}

test('a long poll tells nothing to somebody who was shut out while it waited', async (t) => {
  const auditor = await server.client('auditor');
  const officer = await server.client('officer');
  const { json } = await done(auditor.get('/v1/events?order=newest&limit=1'));
  const [newest] = json['items'] as [{ index: number }];
  const { log } = server.services;
  const onCommit = log.onCommit.bind(log);
  const waiting = new Promise<void>((resolve) => {
    t.mock.method(log, 'onCommit', (listener: Parameters<typeof onCommit>[0]) => {
      resolve();
      return onCommit(listener);
    });
  });
  const poll = auditor.get(`/v1/events?order=oldest&after=${newest.index}&wait=30`);
  await waiting;
  await done(officer.post(`/v1/certificates/${auditor.serial}/revoke`));
  await refused('certificate-revoked', poll);
});

test('the server replaces its certificate before it ends; open connections go on, new ones get the new one', async () => {
  const clock = new TestClock();
  clock.advance(-5 * 24 * HOUR);
  const early = await startServer({}, clock);
  try {
    const open = await early.client('engineer');
    const { identity } = early.running;
    assert.equal(await identity.refresh(), false);
    const first = await presented(early);
    await done(open.get('/v1/keys'));
    clock.advance(5 * 24 * HOUR);
    assert.equal(await identity.refresh(), true);
    assert.equal((await done(open.get('/v1/keys'))).keptAlive, true);
    assert.notEqual(await presented(early), first);
    await done(early.anonymous().get('/v1/keys'));
  } finally {
    await early.stop();
  }
});

/** Serial of the certificate that a new connection is shown. */
async function presented({ running, services }: TestServer): Promise<string> {
  const socket = connect({ port: running.api.port, host: '127.0.0.1', ca: services.keys.ca.certificate });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
