import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import { thumbprint } from '../../protocol/jwk.ts';
import { MessageError, signMessage, verifyMessage } from '../../protocol/jws.ts';
import { challenge, keyManifest, unlockToken } from '../../protocol/messages.ts';
import { type Kind, kinds, signerOf, storeOf } from './kinds.ts';

/** Characters of a compact JWS, and some that are not. */
const characters = fc.constantFrom(...'ABCXYZabcxyz0189-_.+/=* \n\u00e9');

for (const { message, key, claims } of kinds) {
  const { typ } = message;

  test(`${typ}: what is signed is what is verified, whatever the claims (section 4)`, () =>
    fc.assert(
      fc.asyncProperty(claims, async (given) => {
        const jws = await signMessage(message, given, signerOf(key));
        const got = verifyMessage(message, jws, storeOf(key));
        assert.deepEqual(got, structuredClone(given));
        assert.deepEqual(
          Object.keys(got),
          Object.keys(message.shape).filter((name) => name in given),
        );
      }),
      { numRuns: 50 },
    ));

  test(`${typ}: members given in another order are signed in the message's own (section 4)`, async () => {
    const [given] = fc.sample(claims, { numRuns: 1, seed: 4 });
    assert.ok(given);
    const turned = Object.fromEntries(Object.entries(given).reverse());
    const jws = await signMessage(message, turned, signerOf(key));
    assert.deepEqual(verifyMessage(message, jws, storeOf(key)), structuredClone(given));
  });

  test(`${typ}: one character changed, added or left out anywhere is refused (section 4)`, async () => {
    const jws = await sample({ message, key, claims });
    const refused = (text: string) =>
      assert.throws(() => verifyMessage(message, text, storeOf(key)), MessageError, text);
    for (let at = 0; at < jws.length; at++) refused(jws.slice(0, at) + jws.slice(at + 1));
    fc.assert(
      fc.property(fc.nat({ max: jws.length - 1 }), characters, (at, character) => {
        refused(jws.slice(0, at) + character + jws.slice(at));
        if (jws[at] !== character) refused(jws.slice(0, at) + character + jws.slice(at + 1));
      }),
      { numRuns: 500 },
    );
  });

  test(`${typ}: one bit of its header, payload or signature flipped is refused (section 4)`, async () => {
    const parts = (await sample({ message, key, claims })).split('.');
    for (const [index, part] of parts.entries()) {
      const bytes = Buffer.from(part, 'base64url');
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        const text = parts.with(index, flipped.toString('base64url')).join('.');
        assert.throws(() => verifyMessage(message, text, storeOf(key)), MessageError);
      }
    }
  });

  test(`${typ}: whatever is not a message is refused as form, and nothing else is thrown`, () =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json()), (text) => {
        assert.throws(
          () => verifyMessage(message, text, storeOf(key)),
          (error) => error instanceof MessageError && error.code === 'form',
        );
      }),
    ));

  test(`${typ}: jose verifies it, and what jose signs verifies here (RFC 7515)`, async () => {
    const jws = await sample({ message, key, claims });
    const { alg } = message;
    const kid = signerOf(key).kid;
    const { protectedHeader, payload } = await compactVerify(jws, createPublicKey(key), {
      algorithms: [alg],
    });
    assert.deepEqual(protectedHeader, { alg, kid, typ });
    const theirs = await new CompactSign(payload).setProtectedHeader({ alg, kid, typ }).sign(key);
    assert.deepEqual(verifyMessage(message, theirs, storeOf(key)), verifyMessage(message, jws, storeOf(key)));
  });
}

test('a signer makes no message that a verifier would refuse (section 4)', async () => {
  for (const { message, key, claims } of kinds) {
    const [given] = fc.sample(claims, { numRuns: 1, seed: 4 });
    const [first = ''] = Object.keys(message.shape);
    for (const wrong of [
      { x: 1 },
      { [first]: undefined },
      { [first]: '"' },
      { [first]: 'caf\u00e9-caf\u00e9' },
    ]) {
      await assert.rejects(signMessage(message, { ...given, ...wrong }, signerOf(key)), TypeError);
    }
  }
});

test('a signer of the other algorithm is refused', async () => {
  const [first, second] = kinds;
  assert.ok(first && second);
  const [given] = fc.sample(first.claims, { numRuns: 1, seed: 4 });
  assert.ok(given);
  await assert.rejects(signMessage(first.message, given, signerOf(second.key)), TypeError);
});

/** Keys of a kind that the message does not take, which a store should not hold but might. */
test('a key of another kind does not verify, even out of the store itself (RFC 8725 §3.1)', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  const rsaPss = generateKeyPairSync('rsa-pss', { modulusLength: 3072 }).privateKey;
  const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;
  const der = (key: KeyObject) => (input: Buffer) => sign('sha256', input, key);
  const p1363 = (input: Buffer) => sign('sha256', input, { key: secp256k1, dsaEncoding: 'ieee-p1363' });
  const pss = (key: KeyObject) => (input: Buffer) =>
    sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
  const pure = (input: Buffer) => sign(null, input, ed25519);

  refusedUnder(unlockToken, secp256k1, der(secp256k1));
  refusedUnder(unlockToken, ed25519, pure);
  refusedUnder(keyManifest, rsaPss, pss(rsaPss));
  refusedUnder(challenge, secp256k1, p1363);
  refusedUnder(challenge, ed25519, pure);
  refusedUnder(challenge, rsa, pss(rsa));
});

function refusedUnder(
  { alg, typ }: { alg: string; typ: string },
  key: KeyObject,
  signed: (input: Buffer) => Buffer,
) {
  const kid = thumbprint({ kty: 'OKP', crv: 'Ed25519', x: '' });
  const message = kinds.find((kind) => kind.message.typ === typ)?.message;
  assert.ok(message);
  const header = Buffer.from(JSON.stringify({ alg, kid, typ })).toString('base64url');
  const jws = `${header}.e30.${signed(Buffer.from(`${header}.e30`)).toString('base64url')}`;
  assert.throws(
    () => verifyMessage(message, jws, () => createPublicKey(key)),
    (error) => error instanceof MessageError && error.code === 'signature',
    `${typ} under ${key.asymmetricKeyType}`,
  );
}

async function sample({ message, key, claims }: Kind): Promise<string> {
  const [given] = fc.sample(claims, { numRuns: 1, seed: 4 });
  assert.ok(given);
  return signMessage(message, given, signerOf(key));
}
