import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, before, beforeEach, test } from 'node:test';
import { Client } from '../../cli/client.ts';
import { Failure } from '../../cli/failure.ts';
import { Home } from '../../cli/home.ts';
import { type KeptLog, readKeptLog } from '../../cli/profile.ts';
import { followManifests, type Trusted } from '../../cli/trust.ts';
import { openWire } from '../../cli/wire.ts';
import { witnessLog } from '../../cli/witness.ts';
import { testKeys } from '../fixture/keys.ts';
import { type ScriptedServer, scriptedServer } from './scripted-server.ts';

/** DESIGN section 6: every client keeps the last checkpoint and demands a consistency proof for the next. */

const NOW = new Date('2026-03-01T08:00:00Z');

let server: ScriptedServer;
let home: Home;
let trusted: Trusted;
let client: Client;

before(async () => {
  const { keys } = await testKeys();
  const manifests = keys.manifests.map(({ jws }) => jws);
  trusted = followManifests(
    keys.roots.map(({ kid }) => kid),
    keys.roots,
    manifests,
  );
});
beforeEach(async () => {
  server = await scriptedServer();
  home = new Home(join(mkdtempSync(join(tmpdir(), 'latchkey-witness-')), 'home'));
  client = new Client({
    server: server.origin,
    wire: openWire(server.origin, { ca: (await testKeys()).keys.ca.certificate }),
    clock: () => new Date(),
    delay: async () => {},
    signal: new AbortController().signal,
    warn: () => {},
    progress: () => {},
  });
});
afterEach(async () => {
  client.close();
  await server.close();
  rmSync(join(home.dir, '..'), { recursive: true });
});

const keys = { kept: async () => trusted, refreshed: async () => trusted };
const witness = () => witnessLog(home, client, keys, NOW);
const refusal = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;
const grow = (from: number, count: number) =>
  server.log.append(...Array.from({ length: count }, (_, n) => `{"n":${from + n}}`));

test('a log that grew is followed, over one tile and over many', async () => {
  await witness();
  for (const [from, count] of [
    [1, 1],
    [2, 253],
    [255, 1],
    [256, 300],
    [556, 1],
  ] as const) {
    await grow(from, count);
    assert.equal((await witness()).size, from + count);
    assert.equal(readKeptLog(home)?.checkpoint, server.log.checkpoint);
    assert.deepEqual(readKeptLog(home)?.since, { size: 1, at: NOW.toISOString() });
  }
});

test('where nothing was added, one small request is all', async () => {
  await witness();
  server.seen.length = 0;
  await witness();
  assert.deepEqual(
    server.seen.map(({ path }) => path),
    ['/log/checkpoint'],
  );
});

test('a log whose past was rewritten is refused, and both checkpoints stay as evidence', async () => {
  await grow(1, 20);
  await witness();
  const before = readKeptLog(home)?.checkpoint;
  server.log.leaves[7] = Buffer.from('{"n":"never happened"}');
  await grow(21, 5);
  await assert.rejects(witness, refusal('log-forked'));
  assert.equal(readKeptLog(home)?.checkpoint, before);
  const evidence = readdirSync(home.dir).filter((name) => name.startsWith('evidence-'));
  assert.equal(evidence.length, 1);
  const { kept, shown } = JSON.parse(readFileSync(home.path(evidence[0] ?? ''), 'utf8'));
  assert.deepEqual([kept, shown], [before, server.log.checkpoint]);
});

test('a log of the same size with another past is refused', async () => {
  await grow(1, 20);
  await witness();
  server.log.leaves[20] = Buffer.from('{"n":"another"}');
  await server.log.sign();
  await assert.rejects(witness, refusal('log-forked'));
});

test('a log whose tail was cut off is refused', async () => {
  await grow(1, 20);
  await witness();
  server.log.leaves.pop();
  await server.log.sign();
  await assert.rejects(witness, refusal('log-shrunk'));
});

test('a checkpoint that does not cover what an answer named is refused, at this contact and the next', async () => {
  await witness();
  client.promised = 5;
  await assert.rejects(witness, refusal('log-shrunk'));
  await grow(1, 4);
  await witness();
  assert.equal((readKeptLog(home) as KeptLog).promised, 5);
});

test('a checkpoint that the log key did not sign is refused', async () => {
  const flipped = server.log.checkpoint.replace(
    /(.)(.{10})\n$/,
    (_, one, rest) => `${one === 'A' ? 'B' : 'A'}${rest}\n`,
  );
  server.log.checkpoint = flipped;
  await assert.rejects(witness, refusal('log-unsigned'));
});

test('a checkpoint under a log key of a newer manifest is taken once that manifest is fetched', async () => {
  let refreshed = 0;
  const behind = { ...trusted, logKeys: [] };
  const late = {
    kept: async () => behind,
    refreshed: async () => {
      refreshed += 1;
      return trusted;
    },
  };
  await witnessLog(home, client, late, NOW);
  assert.equal(refreshed, 1);
  await assert.rejects(
    () => witnessLog(home, client, { ...late, refreshed: late.kept }, NOW),
    refusal('log-unsigned'),
  );
});

test('a tile that is cut is refused', async () => {
  await grow(1, 20);
  await witness();
  await grow(21, 5);
  server.routes.set('GET /log/tile/0/000.p/26', () => ({ body: new Uint8Array(25 * 32) }));
  await assert.rejects(witness, refusal('tile-broken'));
});
