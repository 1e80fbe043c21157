import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { KeyFault } from '../../keys/fault.ts';
import { signManifest, verifyManifests } from '../../keys/manifest.ts';
import { generateEd25519, generateRsa, makeKeys } from '../../keys/material.ts';
import { pssKey } from '../../keys/sign.ts';
import { rsaJwk } from '../../protocol/jwk.ts';
import type { KeyManifest } from '../../protocol/messages.ts';
import { ISS, type TestKeys, testKeys } from '../fixture/keys.ts';

let made: TestKeys;
let claims: KeyManifest;

before(async () => {
  made = await testKeys();
  claims = made.keys.manifests[0]?.claims ?? assert.fail();
});

async function sign(changes: Partial<KeyManifest>, root: 0 | 1 = 0): Promise<string> {
  return (await signManifest({ ...claims, ...changes }, pssKey(made.roots[root]))).jws;
}

function refused(act: () => unknown, words: RegExp): void {
  assert.throws(
    act,
    (error) => error instanceof KeyFault && error.code === 'mismatch' && words.test(error.message),
  );
}

test('either root signs a manifest; versions rise', async () => {
  const chain = [await sign({ ver: 1 }), await sign({ ver: 2 }, 1)];
  const verified = verifyManifests(chain, made.keys.roots, ISS);
  assert.deepEqual(
    verified.map((manifest) => manifest.claims.ver),
    [1, 2],
  );
  refused(() => verifyManifests(chain.reverse(), made.keys.roots, ISS), /does not follow/);
});

test('a manifest of a key that is not a root, or of another issuer, is refused', async () => {
  const issuer = made.material.issuers[0] ?? assert.fail();
  const forged = (await signManifest(claims, pssKey(issuer))).jws;
  refused(() => verifyManifests([forged], made.keys.roots, ISS), /not under the root keys/);
  const foreign = await sign({ iss: 'other.test' });
  refused(() => verifyManifests([foreign], made.keys.roots, ISS), /of other\.test/);
});

test('after a manifest that names successors, they sign and the old roots do not', async () => {
  const [a, b] = made.keys.roots;
  const successors = await sign({ ver: 2, roots: [b, rsaJwk(await generateRsa(4096))] });
  const verified = verifyManifests([await sign({}), successors, await sign({ ver: 3 }, 1)], [a, b], ISS);
  assert.equal(verified.length, 3);
  const byOldRoot = [await sign({}), successors, await sign({ ver: 3 }, 0)];
  refused(() => verifyManifests(byOldRoot, [a, b], ISS), /not under the root keys/);
});

test('keys load only under a manifest that names the log key and an issuer key that is here', async () => {
  const { material, keys } = made;
  const newest = [await sign({})];
  const log = await generateEd25519();
  refused(() => makeKeys(ISS, { ...material, log }, newest, randomBytes), /does not name the log key/);
  refused(() => makeKeys(ISS, { ...material, issuers: [] }, newest, randomBytes), /names no issuer key/);
  refused(
    () => makeKeys(ISS, { ...material, issuers: [material.tls] }, newest, randomBytes),
    /names no issuer key/,
  );
  assert.equal(makeKeys(ISS, material, newest, randomBytes).issuers[0]?.kid, keys.issuers[0]?.kid);
});
