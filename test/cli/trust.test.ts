import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { before, test } from 'node:test';
import { Failure } from '../../cli/failure.ts';
import { followManifests, joinManifests, worthKeeping } from '../../cli/trust.ts';
import { signManifest } from '../../keys/manifest.ts';
import { generateRsa } from '../../keys/material.ts';
import { pssKey } from '../../keys/sign.ts';
import { type RsaJwk, rsaJwk } from '../../protocol/jwk.ts';
import { type TestKeys, testKeys } from '../fixture/keys.ts';

/** DESIGN section 6: manifests are followed from the roots of the enrolment code, and never back. */

let keys: TestKeys;
let pinned: string[];
let successors: readonly [KeyObject, KeyObject];
let first: string;

before(async () => {
  keys = await testKeys();
  pinned = keys.keys.roots.map(({ kid }) => kid);
  first = keys.keys.manifests[0]?.jws ?? '';
  successors = await Promise.all([generateRsa(4096), generateRsa(4096)]);
});

async function manifest(ver: number, root: KeyObject, roots?: readonly RsaJwk[]): Promise<string> {
  const { keys: issuers, log } = keys.keys.manifests[0]?.claims ?? { keys: [], log: [] };
  const claims = { iss: keys.keys.iss, ver, keys: issuers, log, ...(roots && { roots }) };
  return (await signManifest(claims, pssKey(root))).jws;
}

const follow = (...manifests: string[]) => followManifests(pinned, keys.keys.roots, manifests);
const refusal = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;

test('either root may sign, and the newest manifest counts', async () => {
  const second = await manifest(2, keys.roots[1]);
  assert.equal(follow(first, second).newest.claims.ver, 2);
});

test('a manifest that names roots hands over to them: the old ones count no more', async () => {
  const handover = await manifest(2, keys.roots[0], successors.map(rsaJwk));
  const third = await manifest(3, successors[1]);
  const trusted = follow(first, handover, third);
  assert.equal(trusted.newest.claims.ver, 3);
  assert.deepEqual(worthKeeping(trusted), [handover, third]);
  const old = await manifest(4, keys.roots[0]);
  assert.throws(() => follow(first, handover, old), refusal('manifest-untrusted'));
});

test('a root counts by its thumbprint, whatever it calls itself', async () => {
  const [stranger] = successors;
  const forged = { ...rsaJwk(stranger), kid: pinned[0] ?? '' };
  const jws = await manifest(2, stranger);
  assert.throws(() => followManifests(pinned, [forged], [jws]), refusal('manifest-untrusted'));
  assert.throws(() => followManifests(pinned, keys.keys.roots, []), refusal('manifest-untrusted'));
});

test('a server that shows an older manifest than before is refused', async () => {
  const second = await manifest(2, keys.roots[0]);
  assert.throws(() => joinManifests([second], [first]), refusal('manifest-rollback'));
  assert.throws(() => joinManifests([second], []), refusal('manifest-rollback'));
});

test('two manifests of one version are refused: a root was misused', async () => {
  const [one, other] = [await manifest(2, keys.roots[0]), await manifest(2, keys.roots[1])];
  assert.throws(() => joinManifests([one], [other]), refusal('manifest-forked'));
});

test('what is kept and what is shown make one chain, each manifest once', async () => {
  const second = await manifest(2, keys.roots[0]);
  assert.deepEqual(joinManifests([first], [first, second]), [first, second]);
});
