import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client } from '../../cli/client.ts';
import { Home } from '../../cli/home.ts';
import type { ModuleClient } from '../../cli/port/module.ts';
import { collectReceipts, deliverReceipts, keepReceipts, waitingReceipts } from '../../cli/receipts.ts';
import { openWire } from '../../cli/wire.ts';
import { Device } from '../fixture/device.ts';
import { testKeys } from '../fixture/keys.ts';
import { type ScriptedServer, scriptedServer } from './scripted-server.ts';

/** DESIGN section 5: every contact fetches a module's receipts, and none is lost on its way to the server. */

const JTI = '0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

let server: ScriptedServer;
let client: Client;
let dir: string;
let home: Home;
let device: Device;
let kept: string[];

before(async () => {
  server = await scriptedServer();
  client = new Client({
    server: server.origin,
    wire: openWire(server.origin, { ca: (await testKeys()).keys.ca.certificate }),
    clock: () => new Date(),
    delay: async () => {},
    signal: new AbortController().signal,
    warn: () => {},
    progress: () => {},
  });
  dir = mkdtempSync(join(tmpdir(), 'latchkey-receipts-'));
});
after(async () => {
  client.close();
  await server.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  device = new Device();
  home = new Home(join(dir, device.hwid));
  kept = [];
  answer('accepted');
});

/** What the server says of every receipt. */
function answer(status: 'accepted' | 'known' | 'refused'): void {
  server.routes.set('POST /v1/receipts', ({ body }) => {
    const { receipts } = body as { receipts: string[] };
    const code = status === 'refused' ? 'receipt-unknown' : null;
    return { body: { results: receipts.map(() => ({ status, code, jti: null, state: null })), log: null } };
  });
}

/** The module's side: it keeps `kept`, and gives those above what it is asked for. */
function module(): ModuleClient {
  const seqOf = (jws: string) => JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()).seq;
  const receipts = async (above: number) => kept.filter((jws) => seqOf(jws) > above);
  return { found: { hwid: device.hwid }, receipts } as unknown as ModuleClient;
}

const deliver = () => deliverReceipts(home, client, waitingReceipts(home));

test('receipts wait in the home until the server has them, and are then not asked for again', async () => {
  kept.push(await device.receipt('opened', JTI), await device.receipt('closed', JTI));
  assert.equal((await collectReceipts(home, module())).length, 2);
  assert.equal(waitingReceipts(home).length, 2);
  await deliver();
  assert.deepEqual([waitingReceipts(home), await collectReceipts(home, module())], [[], []]);
});

test('receipts are handed on in the order in which the module made them', async () => {
  for (let count = 0; count < 12; count += 1) kept.push(await device.receipt('opened', JTI));
  keepReceipts(home, kept.toReversed());
  assert.deepEqual(waitingReceipts(home), kept);
});

test('where the server cannot be reached they wait on', async () => {
  kept.push(await device.receipt('opened', JTI));
  await collectReceipts(home, module());
  server.routes.set('POST /v1/receipts', () => 'hang-up');
  await assert.rejects(deliver);
  assert.equal(waitingReceipts(home).length, 1);
});

test('a receipt that came by itself hides none that the module made before it', async () => {
  kept.push(await device.receipt('opened', JTI));
  await collectReceipts(home, module());
  await deliver();
  const replaced = await device.receipt('closed', JTI, { why: 'replaced' });
  const opened = await device.receipt('opened', JTI);
  kept.push(replaced, opened);
  keepReceipts(home, [opened]);
  await deliver();
  assert.deepEqual(await collectReceipts(home, module()), [replaced, opened]);
});

test('a receipt that the server refuses, of whatever number, hides no later one', async () => {
  kept.push(await device.receipt('opened', JTI, { seq: 4_000_000_000 }));
  answer('refused');
  await collectReceipts(home, module());
  assert.deepEqual(
    (await deliver()).map(({ code }) => code),
    ['receipt-unknown'],
  );
  kept.push(await device.receipt('closed', JTI));
  assert.equal((await collectReceipts(home, module())).length, 2);
});

test('a hundred receipts go in batches that the api takes', async () => {
  for (let count = 0; count < 100; count += 1) kept.push(await device.receipt('opened', JTI));
  await collectReceipts(home, module());
  server.seen.length = 0;
  assert.equal((await deliver()).length, 100);
  assert.deepEqual(
    server.seen.map(({ body }) => (body as { receipts: string[] }).receipts.length),
    [64, 36],
  );
});
