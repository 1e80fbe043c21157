import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { z } from 'zod';
import { Client } from '../../cli/client.ts';
import { asFailure } from '../../cli/failure.ts';
import { openWire } from '../../cli/wire.ts';
import { makeCaCertificate, newSerial } from '../../keys/certificates.ts';
import { generateRsa } from '../../keys/material.ts';
import { testKeys } from '../fixture/keys.ts';
import { problem, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const Answer = z.strictObject({ word: z.string(), log: z.unknown() });

let server: ScriptedServer;
let warnings: string[];
let pauses: number[];

beforeEach(async () => {
  server = await scriptedServer();
  [warnings, pauses] = [[], []];
});
afterEach(() => server.close());

async function clientOf(origin = server.origin, ca?: string, clock = () => new Date()): Promise<Client> {
  return new Client({
    server: origin,
    wire: openWire(origin, { ca: ca ?? (await testKeys()).keys.ca.certificate }),
    clock,
    delay: async (milliseconds) => void pauses.push(milliseconds),
    signal: new AbortController().signal,
    warn: (line) => warnings.push(line),
    progress: () => {},
  });
}

async function failureOf(work: Promise<unknown>): Promise<ReturnType<typeof asFailure>> {
  return work.then(
    () => assert.fail('nothing was thrown'),
    (error: unknown) => asFailure(error),
  );
}

test('a broken connection is tried again, under the same Idempotency-Key', async () => {
  let count = 0;
  server.routes.set('POST /x', () =>
    ++count < 3 ? 'hang-up' : { body: { word: 'yes', log: { index: 4, size: 5 } } },
  );
  const client = await clientOf();
  const answer = await client.post('/x', Answer, { a: 1 }, { idempotencyKey: 'k1' });
  assert.equal(answer.word, 'yes');
  assert.deepEqual(
    server.seen.map(({ headers }) => headers['idempotency-key']),
    ['k1', 'k1', 'k1'],
  );
  assert.equal(client.promised, 5);
  client.close();
});

test('what would act twice is not sent twice once it was sent', async () => {
  server.routes.set('POST /x', () => 'hang-up');
  const client = await clientOf();
  const failure = await failureOf(client.post('/x', Answer, {}, { repeatable: false }));
  assert.deepEqual([failure.exit, failure.code, server.seen.length], ['network', 'connection-broken', 1]);
  client.close();
});

test('a busy server is given the time it asks for, and no longer than we wait', async () => {
  const busy = { status: 503, body: problem('shutting-down'), headers: { 'retry-after': '2' } };
  let count = 0;
  server.routes.set('GET /x', () => (++count < 2 ? busy : { body: { word: 'yes', log: null } }));
  const client = await clientOf();
  assert.equal((await client.get('/x', Answer)).word, 'yes');
  assert.deepEqual(pauses, [2000]);
  server.routes.set('GET /y', () => ({ ...busy, headers: { 'retry-after': '3600' } }));
  assert.equal((await failureOf(client.get('/y', Answer))).code, 'shutting-down');
  client.close();
});

test('a refusal is a failure with its code, need and holder, and exit refused', async () => {
  server.routes.set('POST /x', () => ({ status: 409, body: problem('module-in-use', { holder: 'bob' }) }));
  const client = await clientOf();
  const failure = await failureOf(client.post('/x', Answer));
  assert.deepEqual(
    [failure.exit, failure.code, failure.details],
    ['refused', 'module-in-use', { request: 'r1', holder: 'bob' }],
  );
  client.close();
});

test('an answer of another shape says which operation, and where in it', async () => {
  server.routes.set('GET /x', () => ({ body: { word: 7, log: null } }));
  server.routes.set('GET /y', () => ({ body: 'not JSON' }));
  server.routes.set('GET /z', () => ({ status: 502, body: '<html>' }));
  const wordless = { toString: null, valueOf: null };
  server.routes.set('GET /w', () => ({
    status: 500,
    body: problem('internal-error', { request: wordless }),
  }));
  const client = await clientOf();
  assert.match((await failureOf(client.get('/x', Answer))).message, /GET \/x .*at word/);
  for (const path of ['/y', '/z', '/w']) {
    assert.equal((await failureOf(client.get(path, Answer))).code, 'answer-unknown', path);
  }
  client.close();
});

test('a server with a certificate of another CA is told as such', async () => {
  const other = await makeCaCertificate(await generateRsa(3072), 'latchkey.test', {
    serial: newSerial(randomBytes),
    notBefore: new Date('2020-01-01'),
    notAfter: new Date('2049-01-01'),
  });
  const client = await clientOf(server.origin, other);
  assert.equal((await failureOf(client.get('/x', Answer))).code, 'server-untrusted');
  assert.deepEqual(server.seen, []);
  client.close();
});

test('nothing listening, no such name, another protocol: each is told apart', async () => {
  const plain = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((listening) => plain.listen(0, '127.0.0.1', listening));
  const { port } = plain.address() as AddressInfo;
  const wrong = await clientOf(`https://127.0.0.1:${port}`);
  assert.equal((await failureOf(wrong.get('/x', Answer))).code, 'connection-failed');
  await new Promise((closed) => plain.close(closed));
  const refused = await clientOf(`https://127.0.0.1:${port}`);
  const failure = await failureOf(refused.get('/x', Answer));
  assert.deepEqual([failure.exit, failure.code, pauses.length > 0], ['network', 'server-refused', true]);
});

test('an expired server certificate is told with the distance to this computer’s clock', async () => {
  const expired = await scriptedServer({ from: '2020-01-01', to: '2021-01-01' });
  try {
    const client = await clientOf(expired.origin, undefined, () => new Date('2021-01-01T02:00:00Z'));
    const failure = await failureOf(client.get('/x', Answer));
    assert.equal(failure.code, 'server-certificate-time');
    assert.match(failure.message, /expired by 2 h/);
  } finally {
    await expired.close();
  }
});

test('a clock that is off is told once, by how much', async () => {
  server.routes.set('GET /x', () => ({ body: { word: 'yes', log: null } }));
  server.clock = () => new Date('2026-03-01T08:00:00Z');
  const client = await clientOf(server.origin, undefined, () => new Date('2026-03-01T10:00:00Z'));
  await client.get('/x', Answer);
  await client.get('/x', Answer);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /2 h ahead/);
  client.close();
});
