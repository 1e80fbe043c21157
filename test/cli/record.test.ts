import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateRsa } from '../../keys/material.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** DESIGN section 6: what happened can be shown, to the engineer, to an auditor, and offline years later. */

const HWID = 'LTE4-00A1B2C3D4E5';

let world: World;
let engineer: Laptop;
let auditor: Laptop;
let file: string;
let id: string;
let other: string;

before(async () => {
  world = await startWorld();
  engineer = await world.enrolled('alice', 'engineer');
  auditor = await world.enrolled('carol', 'auditor');
  const station = await world.enrolled('line-1', 'station');
  const { atPath } = await world.module(HWID);
  const at = ['--port', atPath, '--json'];
  await ok(station.latchkey('provision', ...at));
  const unlock = async (reason: string) => {
    const { unlock: one } = await ok(engineer.latchkey('unlock', ...at, '--hwid', HWID, '--reason', reason));
    await ok(engineer.latchkey('lock', ...at));
    return one.id;
  };
  other = await unlock('the one before');
  id = await unlock('drops off the bus');
  file = join(engineer.dir, 'unlock.bundle');
  await ok(engineer.latchkey('bundle', id, '--out', file, '--json'));
});
after(() => world.stop());

test('a bundle proves request, token, receipts and state, and says what it cannot prove', async () => {
  const { proved, faults, unproved } = await ok(engineer.latchkey('verify', file, '--json'));
  assert.deepEqual(faults, []);
  for (const words of [
    /alice asked for console on LTE4/,
    /device key is the one/,
    /the token is an issuer key’s/,
  ]) {
    assert.ok(
      proved.some((line: string) => words.test(line)),
      String(words),
    );
  }
  assert.ok(proved.some((line: string) => /the module says: opened/.test(line)));
  assert.ok(proved.some((line: string) => /the module says: closed \(lock\)/.test(line)));
  assert.ok(unproved.length >= 3);
});

test('a bundle is checked without a home, from root keys in files', async () => {
  const root = join(engineer.dir, 'roots.json');
  writeFileSync(root, JSON.stringify({ keys: world.server.keys.keys.roots }));
  const stranger = laptop();
  await ok(stranger.latchkey('verify', file, '--root', root, '--json'));
  await fails(stranger.latchkey('verify', file, '--json'), 2, 'not-enrolled');
  writeFileSync(root, JSON.stringify(rsaJwk(await generateRsa(4096))));
  assert.deepEqual(await faultsOf(stranger.latchkey('verify', file, '--root', root, '--json')), [
    'manifest-untrusted',
  ]);
  stranger.remove();
});

interface Bundle {
  readonly unlock: Readonly<Record<string, unknown>>;
  readonly device: { readonly x: string; readonly y: string };
  readonly grants: readonly { readonly challenge: string; readonly token: string }[];
  readonly receipts: readonly string[];
  readonly events: readonly {
    readonly index: number;
    readonly leaf: string;
    readonly proof: readonly string[];
  }[];
  readonly checkpoint: string;
}

/** What is changed in a bundle, beside another unlock's, and the fault that must be named. */
type Change = readonly [code: string, change: (bundle: Bundle, of: Bundle) => Record<string, unknown>];

const ofUnlock = (code: string, change: Record<string, unknown>): Change => [
  code,
  ({ unlock }) => ({ unlock: { ...unlock, ...change } }),
];
const ofGrant = (
  code: string,
  change: (grant: Bundle['grants'][0], of: Bundle['grants'][0]) => object,
): Change => [
  code,
  ({ grants: [grant] }, { grants: [of] }) => ({
    grants: grant && of ? [{ ...grant, ...change(grant, of) }] : [],
  }),
];
const ofFirstEvent = (change: (event: Bundle['events'][0]) => object): Change => [
  'event-unproved',
  ({ events: [event, ...rest] }) => ({ events: event ? [{ ...event, ...change(event) }, ...rest] : [] }),
];

const changes: Readonly<Record<string, Change>> = {
  'another reason': ofUnlock('request-altered', { reason: 'nothing much' }),
  'another requester': ofUnlock('request-altered', { requester: 'mallory' }),
  'another digest': ofUnlock('request-altered', { digest: 'A'.repeat(43) }),
  'another state': ofUnlock('state-altered', { state: 'cancelled' }),
  'a challenge of another unlock': ofGrant('token-unfit', (_, { challenge }) => ({ challenge })),
  'a token of another unlock': ofGrant('token-unfit', (_, { token }) => ({ token })),
  'a token with a broken signature': ofGrant('token-forged', ({ token }) => ({ token: broken(token) })),
  'a challenge with a broken signature': ofGrant('challenge-forged', ({ challenge }) => ({
    challenge: broken(challenge),
  })),
  'a grant of another unlock': ['token-unfit', ({ grants }, of) => ({ grants: [...grants, ...of.grants] })],
  'no token': ['grant-missing', () => ({ grants: [] })],
  'receipts with broken signatures': [
    'receipt-forged',
    ({ receipts }) => ({ receipts: receipts.map(broken) }),
  ],
  'a receipt of another unlock': [
    'receipt-forged',
    ({ receipts }, of) => ({ receipts: [...receipts, ...of.receipts] }),
  ],
  'a receipt left out': ['receipt-missing', ({ receipts }) => ({ receipts: receipts.slice(1) })],
  'the event of a token left out': ['grant-unlogged', ({ events }) => ({ events: events.toSpliced(2, 1) })],
  'the event of a receipt left out': [
    'receipt-unlogged',
    ({ events }) => ({ events: events.toSpliced(3, 1) }),
  ],
  'the event of the request left out': [
    'request-altered',
    ({ events }) => ({ events: events.toSpliced(1, 1) }),
  ],
  'an event of another unlock': [
    'event-foreign',
    ({ events }, of) => ({ events: [...events, ...of.events.slice(1)] }),
  ],
  'an event twice': ['event-unproved', ({ events }) => ({ events: [...events, ...events.slice(1, 2)] })],
  'an event rewritten': ofFirstEvent(() => ({
    leaf: Buffer.from('{"type":"module.cleared"}').toString('base64url'),
  })),
  'a proof cut': ofFirstEvent(({ proof }) => ({ proof: proof.slice(1) })),
  'another device key': ['device-unknown', ({ device }) => ({ device: { ...device, ...foreignKey } })],
  'a device key off the curve': ['device-unknown', ({ device }) => ({ device: { ...device, x: device.y } })],
  'another size': [
    'log-unsigned',
    ({ checkpoint }) => ({ checkpoint: checkpoint.replace(/(\d+)\n/, '9$1\n') }),
  ],
  'no manifest': ['manifest-untrusted', () => ({ manifests: [] })],
};

/** RFC 7517 appendix A.1: a point of P-256 that is nobody’s here. */
const foreignKey = {
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};

test('a bundle with any one thing changed is refused, and the fault is named', async () => {
  const whole = readFileSync(file, 'utf8');
  const otherFile = join(engineer.dir, 'other.bundle');
  await ok(engineer.latchkey('bundle', other, '--out', otherFile, '--json'));
  const of = JSON.parse(readFileSync(otherFile, 'utf8'));
  for (const [name, [code, change]] of Object.entries(changes)) {
    const bundle = JSON.parse(whole);
    writeFileSync(otherFile, JSON.stringify({ ...bundle, ...change(bundle, of) }));
    const faults = await faultsOf(engineer.latchkey('verify', otherFile, '--json'));
    assert.ok(faults.includes(code), `${name}: ${faults.join(', ')}`);
  }
});

test('the log is read whole and recomputed: its hashes by anybody, its events by an auditor', async () => {
  const mine = await ok(engineer.latchkey('log', 'verify', '--json'));
  assert.deepEqual([mine.faults, mine.entries], [[], false]);
  const all = await ok(auditor.latchkey('log', 'verify', '--json'));
  assert.deepEqual([all.faults, all.entries], [[], true]);
  assert.ok(all.proved.some((line: string) => /each of the \d+ events is the leaf/.test(line)));
});

test('an event rewritten behind the log’s back is found by log verify', async () => {
  const { store } = world.server;
  const before = await store.read
    .selectFrom('log_leaves')
    .select('leaf')
    .where('idx', '=', 3)
    .executeTakeFirstOrThrow();
  const set = (leaf: Uint8Array) =>
    store.write.updateTable('log_leaves').set({ leaf }).where('idx', '=', 3).execute();
  await set(Buffer.from(Buffer.from(before.leaf).toString().replace('"at":"2', '"at":"1')));
  const faults = await faultsOf(auditor.latchkey('log', 'verify', '--json'));
  await set(before.leaf);
  assert.deepEqual(faults, ['entries-altered']);
});

test('events: an engineer’s own, an auditor’s all; one of them with its proof', async () => {
  const mine = await ok(engineer.latchkey('events', 'list', '--unlock', id, '--oldest', '--json'));
  const types = mine.items.map(({ event }: { event: { type: string } }) => event.type);
  assert.deepEqual(types, ['unlock.requested', 'unlock.issued', 'receipt.accepted', 'receipt.accepted']);
  const all = await ok(auditor.latchkey('events', 'list', '--limit', '500', '--json'));
  assert.ok(all.items.length > mine.items.length);
  const shown = await ok(engineer.latchkey('events', 'show', String(mine.items[0].index), '--json'));
  assert.equal(shown.event.reason, 'drops off the bus');
  await fails(engineer.latchkey('events', 'show', '0', '--json'), 3, 'not-found');
});

async function faultsOf(ran: Promise<{ exit: number; stdout: string; stderr: string }>): Promise<string[]> {
  const { exit, stdout, stderr } = await ran;
  assert.equal(exit, 6, stderr);
  return [...new Set(JSON.parse(stdout).faults.map(({ code }: { code: string }) => code))] as string[];
}

function broken(jws: string): string {
  const [head, body, signature] = jws.split('.');
  const bytes = Buffer.from(signature ?? '', 'base64url');
  bytes[9] = (bytes[9] ?? 0) ^ 1;
  return `${head}.${body}.${bytes.toString('base64url')}`;
}
