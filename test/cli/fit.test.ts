import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Failure } from '../../cli/failure.ts';
import { demandFitBundle, demandFitToken } from '../../cli/fit.ts';
import type { Unlock } from '../../cli/token.ts';
import { followManifests, type Trusted } from '../../cli/trust.ts';
import { generateRsa } from '../../keys/material.ts';
import { pssKey } from '../../keys/sign.ts';
import { type EcJwk, thumbprint } from '../../protocol/jwk.ts';
import { type Signer, signMessage } from '../../protocol/jws.ts';
import {
  AUDIENCE,
  type Bundle,
  bundle,
  type Challenge,
  type UnlockToken,
  unlockToken,
} from '../../protocol/messages.ts';
import { ISS, testKeys } from '../fixture/keys.ts';

/** What the server gives is held to what was asked for before the module gets it; one fault each. */

const HWID = 'LTE4-00A1B2C3D4E5';
const ID = '0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
const OTHER = '0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c';
const NONCE = 'AAAAAAAAAAAAAAAAAAAAAA';
const challenge: Challenge = {
  sub: HWID,
  nonce: NONCE,
  seq: 7,
  scope: 'console',
  for: 900,
  keys: 1,
  pwv: 2,
  fw: 'x',
};
const unlock = { id: ID, hwid: HWID, requester: 'alice', scope: 'console', seconds: 900 } as Unlock;
const token: UnlockToken = {
  ...{ iss: ISS, aud: AUDIENCE, sub: HWID, nonce: NONCE, jti: ID, iat: 1_700_000_000, exp: 1_700_000_600 },
  ...{ scope: 'console', for: 900, by: 'alice' },
};
/** RFC 7517 appendix A.1. */
const device: EcJwk = {
  ...{ kty: 'EC', crv: 'P-256', x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4' },
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};
const hash = `$6$rounds=1000$salt$${'.'.repeat(86)}`;

let trusted: Trusted;
let issuer: Signer;
let stranger: Signer;

before(async () => {
  const { keys } = await testKeys();
  const pinned = keys.roots.map(({ kid }) => kid);
  trusted = followManifests(
    pinned,
    keys.roots,
    keys.manifests.map(({ jws }) => jws),
  );
  const [first] = keys.issuers;
  assert.ok(first);
  issuer = first;
  stranger = pssKey(await generateRsa(3072));
});

const refusal = (code: string) => (error: unknown) =>
  error instanceof Failure && error.code === code && error.exit === 'verification';

test('a token is fit for the challenge and the unlock that it was asked for, and for no other', async () => {
  demandFitToken(await signMessage(unlockToken, token, issuer), challenge, unlock, trusted);
  demandFitToken(await signMessage(unlockToken, { ...token, for: 60 }, issuer), challenge, unlock, trusted);
  const faults: Record<string, Partial<UnlockToken>> = {
    'another module': { sub: 'LTE4-FFFFFFFFFFFF' },
    'another nonce': { nonce: 'AAAAAAAAAAAAAAAAAAAAAQ' },
    'another unlock': { jti: OTHER },
    'another principal': { by: 'bob' },
    'another issuer': { iss: 'elsewhere.test' },
    'another audience': { aud: 'latchkey:server' },
    'another scope': { scope: 'adb' },
    'more time': { for: 901 },
    'an old password': { pw: { ver: 2, hash } },
  };
  for (const [name, fault] of Object.entries(faults)) {
    const jws = await signMessage(unlockToken, { ...token, ...fault }, issuer);
    assert.throws(() => demandFitToken(jws, challenge, unlock, trusted), refusal('token-unfit'), name);
  }
  const forged = await signMessage(unlockToken, token, stranger);
  assert.throws(() => demandFitToken(forged, challenge, unlock, trusted), refusal('token-unfit'));
});

test('a token fits the unlock also where the challenge does not', async () => {
  const jws = await signMessage(unlockToken, token, issuer);
  const wrong: Record<string, Partial<Unlock>> = {
    'another module': { hwid: 'LTE4-FFFFFFFFFFFF' },
    'another scope': { scope: 'reset' },
    'less time': { seconds: 899 },
  };
  for (const [name, change] of Object.entries(wrong)) {
    assert.throws(
      () => demandFitToken(jws, challenge, { ...unlock, ...change }, trusted),
      refusal('token-unfit'),
      name,
    );
  }
});

test('a bundle is fit for the module and device key that it was made for', async () => {
  const identity = { hwid: HWID, imei: '490154203237518', key: device };
  const claims: Bundle = {
    iss: ISS,
    aud: AUDIENCE,
    jti: ID,
    sub: HWID,
    dkt: thumbprint(device),
    pw: { ver: 1, hash },
  };
  demandFitBundle(await signMessage(bundle, claims, issuer), identity, trusted);
  const faults: Record<string, Partial<Bundle>> = {
    'another module': { sub: 'LTE4-FFFFFFFFFFFF' },
    'another device key': { dkt: 'A'.repeat(43) },
    'another issuer': { iss: 'elsewhere.test' },
  };
  for (const [name, fault] of Object.entries(faults)) {
    const jws = await signMessage(bundle, { ...claims, ...fault }, issuer);
    assert.throws(() => demandFitBundle(jws, identity, trusted), refusal('bundle-unfit'), name);
  }
  const forged = await signMessage(bundle, claims, stranger);
  assert.throws(() => demandFitBundle(forged, identity, trusted), refusal('bundle-unfit'));
});
