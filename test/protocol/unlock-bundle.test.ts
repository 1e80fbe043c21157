import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { signManifest } from '../../keys/manifest.ts';
import { generateRsa } from '../../keys/material.ts';
import { pssKey } from '../../keys/sign.ts';
import { canonicalJson, type Json } from '../../protocol/canonical.ts';
import { decodeEvent } from '../../protocol/events.ts';
import { type RsaJwk, rsaJwk } from '../../protocol/jwk.ts';
import { type UnlockBundle, verifyUnlockBundle } from '../../protocol/unlock-bundle.ts';
import type { Caller, Services } from '../../server/context.ts';
import { cancelUnlock } from '../../server/decisions/cancel.ts';
import { sweep } from '../../server/decisions/sweep.ts';
import { issueToken } from '../../server/decisions/token.ts';
import { bundleFile, eventfulUnlock } from '../fixture/bundle.ts';
import { startServer, type TestServer } from '../fixture/server.ts';
import { principal, provisioned, requested, uploaded } from '../fixture/unlocks.ts';

/** docs/protocol.md, section 10.4. */

let server: TestServer;
let alice: Caller;
let station: Caller;
let roots: readonly RsaJwk[];
/** A valid bundle, and that of another unlock of the same module, both under one checkpoint. */
let file: Uint8Array;
let bundle: UnlockBundle;
let other: UnlockBundle;

before(async () => {
  server = await startServer();
  const { services } = server;
  roots = services.keys.roots;
  alice = await principal(services, ['engineer'], 'alice');
  station = await principal(services, ['station'], 'line-1');
  const device = await provisioned(services, station);
  const ids = [
    await eventfulUnlock(services, alice, device),
    await eventfulUnlock(services, alice, device),
  ] as const;
  file = await bundleFile(services, alice, ids[0]);
  bundle = read(file);
  other = read(await bundleFile(services, alice, ids[1]));
});
after(() => server.stop());

const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as UnlockBundle;
const write = (value: unknown) => Buffer.from(`${canonicalJson(value as Json)}\n`);
const checksOf = (bytes: Uint8Array, trusted = roots) => {
  const verdict = verifyUnlockBundle(bytes, trusted);
  return verdict.ok ? [] : verdict.findings.map(({ check }) => check);
};
const typeOf = (leaf: string) => decodeEvent(Buffer.from(leaf, 'base64url'))?.type ?? '';

test('a whole unlock is proved, with what each party said', () => {
  const verdict = verifyUnlockBundle(file, roots);
  assert.ok(verdict.ok, JSON.stringify(verdict));
  const { proved } = verdict;
  assert.deepEqual(
    proved.events.map(({ event }) => event.type),
    [
      'module.registered',
      'unlock.requested',
      'token.refused',
      'unlock.issued',
      'unlock.issued',
      'receipt.accepted',
      'password.revealed',
      'receipt.accepted',
    ],
  );
  assert.deepEqual([proved.request.by, proved.request.ticket], ['alice', 'LAB-7']);
  assert.deepEqual(
    proved.grants.map(({ token }) => [token.jti, token.for]),
    [
      [bundle.unlock, 900],
      [bundle.unlock, 600],
    ],
  );
  assert.deepEqual(
    proved.receipts.map(({ event, why }) => [event, why]),
    [
      ['opened', undefined],
      ['closed', 'lock'],
    ],
  );
});

test('an unlock that came to nothing is proved too', async () => {
  const { services } = server;
  const device = await provisioned(services, station);
  const cancelled = await requested(services, alice, device);
  await cancelUnlock(services, alice, cancelled);
  const refused = await requested(services, alice, device);
  await issueToken(services, alice, refused, await device.challenge());
  assert.equal(await uploaded(services, alice, device.receipt('refused', refused)), 'expired');
  const late = await requested(services, alice, device);
  await issueToken(services, alice, late, await device.challenge());
  server.clock.advance(4 * 3_600_000);
  await sweep(services);
  assert.equal(await uploaded(services, alice, device.receipt('opened', late)), 'unaccounted');
  for (const id of [cancelled, refused, late]) {
    assert.deepEqual(checksOf(await bundleFile(services, alice, id)), [], id);
  }
});

test('any one byte changed, put in or left out is found', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const place = fc.nat({ max: file.length - 1 });
  fc.assert(
    fc.property(place, byte, fc.constantFrom(0, 1, 2), (at, value, kind) => {
      const changed = Buffer.concat([
        file.subarray(0, at),
        ...(kind === 2 ? [] : [Buffer.of(value)]),
        file.subarray(kind === 1 ? at : at + 1),
      ]);
      assert.ok(Buffer.compare(changed, file) === 0 || checksOf(changed).length > 0, `byte ${at}`);
    }),
    { numRuns: 1000 },
  );
});

test('any member changed, or taken from another unlock’s bundle, is found', () => {
  const both = [bundle, other].map((one) => one as unknown as Json) as [Json, Json];
  let changes = 0;
  for (const { what, value } of mutations(both[0], both[1])) {
    changes += 1;
    assert.notDeepEqual(checksOf(write(value)), [], what);
  }
  assert.ok(changes > 300, `${changes} changes were tried`);
});

test('events and receipts left out are found, but for those that nothing else points to', () => {
  const unseen = bundle.events.filter((_, place) => {
    const events = bundle.events.toSpliced(place, 1);
    return checksOf(write({ ...bundle, events })).length === 0;
  });
  assert.deepEqual(
    unseen.map(({ leaf }) => typeOf(leaf)),
    ['token.refused', 'password.revealed'],
  );
  for (const place of bundle.receipts.keys()) {
    assert.deepEqual(checksOf(write({ ...bundle, receipts: bundle.receipts.toSpliced(place, 1) })), [
      'receipt',
    ]);
  }
  for (const place of bundle.grants.keys()) {
    const shorter = { ...bundle, grants: bundle.grants.toSpliced(place, 1) };
    assert.ok(checksOf(write(shorter)).includes('token'));
  }
});

test('a bundle proves nothing under other roots', async () => {
  const strangers = [rsaJwk(await generateRsa(4096))];
  assert.deepEqual(checksOf(file, strangers), ['manifest']);
  assert.deepEqual(checksOf(file, []), ['manifest']);
});

test('a fault is told with its check and its member', () => {
  const grants = [{ ...bundle.grants[0], token: other.grants[0]?.token }, bundle.grants[1]];
  const verdict = verifyUnlockBundle(write({ ...bundle, grants }), roots);
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.findings.map(({ check, at }) => [check, at]),
    [['token', 'grants[0].token']],
  );
  assert.match(verdict.findings[0]?.what ?? '', /904/);
});

test('a bundle outlives its issuer key: it carries the manifest that the module held', async () => {
  const { services, keys } = server;
  const device = await provisioned(services, station);
  const id = await eventfulUnlock(services, alice, device);
  const [first] = keys.keys.manifests;
  assert.ok(first);
  const issuer = rsaJwk(await generateRsa(3072));
  const rotated = { ...first.claims, ver: 2, keys: [issuer] };
  const second = await signManifest(rotated, pssKey(keys.roots[1]));
  const db = server.store.write;
  await db.insertInto('manifests').values({ ver: 1, jws: first.jws, names_roots: 0 }).execute();
  const later: Services = { ...services, keys: { ...keys.keys, manifests: [second] } };
  const bytes = await bundleFile(later, alice, id);
  await db.deleteFrom('manifests').execute();
  assert.deepEqual(read(bytes).manifests, [first.jws, second.jws]);
  assert.deepEqual(checksOf(bytes), []);
  assert.deepEqual(checksOf(write({ ...read(bytes), manifests: [second.jws] })), ['manifest', 'manifest']);
});

interface Mutation {
  readonly what: string;
  readonly value: Json;
}

/** Each leaf changed in several ways, each part replaced by the other bundle's, items doubled and swapped. */
function* mutations(value: Json, foreign: Json | undefined, path = 'bundle'): Generator<Mutation> {
  if (path !== 'bundle' && foreign !== undefined && canonicalJson(foreign) !== canonicalJson(value)) {
    yield { what: `${path} of another bundle`, value: foreign };
  }
  if (typeof value === 'number') for (const by of [-1, 1, 256]) yield { what: path, value: value + by };
  else if (typeof value === 'string') yield* texts(value, path);
  else if (Array.isArray(value)) yield* items(value, Array.isArray(foreign) ? foreign : [], path);
  else if (typeof value === 'object' && value !== null) {
    const theirs = (foreign ?? {}) as Record<string, Json>;
    const mine = value as Record<string, Json>;
    yield { what: `${path} with a member more`, value: { ...mine, more: 1 } };
    for (const [name, member] of Object.entries(mine)) {
      yield { what: `${path} without ${name}`, value: { ...mine, [name]: undefined } };
      for (const { what, value: changed } of mutations(member, theirs[name], `${path}.${name}`)) {
        yield { what, value: { ...mine, [name]: changed } };
      }
    }
  }
}

function* texts(text: string, path: string): Generator<Mutation> {
  yield { what: `${path} empty`, value: '' };
  yield { what: `${path} longer`, value: `${text}A` };
  yield { what: `${path} shorter`, value: text.slice(0, -1) };
  for (let at = 0; at < text.length; at += Math.ceil(text.length / 7)) {
    const swapped = text[at] === 'A' ? 'B' : 'A';
    yield { what: `${path}[${at}]`, value: text.slice(0, at) + swapped + text.slice(at + 1) };
  }
}

function* items(list: readonly Json[], foreign: readonly Json[], path: string): Generator<Mutation> {
  for (const [place, item] of list.entries()) {
    yield { what: `${path}[${place}] twice`, value: list.toSpliced(place, 0, item) };
    const theirs = foreign[place];
    if (theirs !== undefined && canonicalJson(theirs) !== canonicalJson(item)) {
      yield { what: `${path} and the other’s [${place}]`, value: list.toSpliced(place, 0, theirs) };
    }
    for (const { what, value } of mutations(item, theirs, `${path}[${place}]`)) {
      yield { what, value: list.with(place, value) };
    }
  }
}
