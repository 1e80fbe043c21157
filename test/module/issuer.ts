import assert from 'node:assert/strict';
import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { v7 as uuid7 } from 'uuid';
import { newSerial } from '../../keys/certificates.ts';
import { makeDeviceCa, makeDeviceCaCertificate } from '../../keys/device-ca.ts';
import { generateEd25519, generateP256, generateRsa } from '../../keys/material.ts';
import { logKey, pssKey } from '../../keys/sign.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { keyObject, type OkpJwk, type RsaJwk } from '../../protocol/jwk.ts';
import { signMessage } from '../../protocol/jws.ts';
import {
  AUDIENCE,
  type Bundle,
  bundle,
  type Certificate,
  type Challenge,
  certificate,
  type KeyManifest,
  keyManifest,
  type UnlockToken,
  unlockToken,
} from '../../protocol/messages.ts';

type IssuerKey = ReturnType<typeof pssKey>;

/** A `$6$` hash in form alone: no password is known for it. */
export const someHash = (mark: string) => `$6$saltsalt$${mark.padEnd(86, '.')}`;

/** Who signs for modules in these tests: three roots, of which firmware carries A and B, two issuer keys. */
export interface Issuer {
  readonly iss: string;
  readonly roots: { readonly a: IssuerKey; readonly b: IssuerKey; readonly c: IssuerKey };
  /** What the firmware carries. */
  readonly firmware: readonly [RsaJwk, RsaJwk];
  readonly first: IssuerKey;
  readonly second: IssuerKey;
  /** Names the first issuer key, is signed by root A, unless told otherwise. */
  manifest(claims: Partial<KeyManifest> & Pick<KeyManifest, 'ver'>, root?: IssuerKey): Promise<string>;
  /** The offline bundle unless told otherwise. */
  bundle(claims?: Partial<Bundle>, key?: IssuerKey): Promise<string>;
  /** PEM of the device CA. */
  readonly deviceCa: string;
  /** A certificate of the device CA, DER in base64url. */
  certify(hwid: string, key: { readonly x: string; readonly y: string }): Promise<string>;
  certificate(
    claims: Partial<Certificate> & Pick<Certificate, 'sub' | 'dkt' | 'crt'>,
    key?: IssuerKey,
  ): Promise<string>;
  /** Answers `challenge` fully unless told otherwise. */
  token(challenge: Challenge, claims?: Partial<UnlockToken>, key?: IssuerKey): Promise<string>;
}

let made: Promise<Issuer> | undefined;

/** One for all tests of this process, its keys made at first use. */
export function testIssuer(): Promise<Issuer> {
  made ??= makeIssuer();
  return made;
}

export const newJti = (): string => uuid7();

/** Private keys of three roots, two issuer keys, a log key. */
function makeIssuerKeys(): Promise<KeyObject[]> {
  const sizes = [4096, 4096, 4096, 3072, 3072] as const;
  return Promise.all([...sizes.map(generateRsa), generateEd25519()]);
}

/** For who runs many processes of tests, since making keys takes seconds: their environment names the file in TEST_ISSUER. */
export async function writeIssuerKeys(file: string): Promise<void> {
  const keys = await makeIssuerKeys();
  const texts = keys.map((key) => key.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(file, JSON.stringify(texts), { mode: 0o600 });
}

/** Those that were made for many processes, else new ones. */
async function issuerKeys(): Promise<KeyObject[]> {
  const file = process.env['TEST_ISSUER'];
  if (file === undefined) return makeIssuerKeys();
  return (JSON.parse(readFileSync(file, 'utf8')) as string[]).map((text) => createPrivateKey(text));
}

async function makeIssuer(): Promise<Issuer> {
  const [one, two, three, four, five, six] = await issuerKeys();
  assert.ok(one && two && three && four && five && six);
  const [a, b, c, first, second] = [pssKey(one), pssKey(two), pssKey(three), pssKey(four), pssKey(five)];
  const log = logKey(six);
  const iss = 'unlock.test';
  const notBefore = new Date(Date.now() - 86_400_000);
  const valid = { notBefore, notAfter: new Date(notBefore.getTime() + 365 * 86_400_000) };
  const caKey = await generateP256();
  const caCertificate = await makeDeviceCaCertificate(caKey, iss, {
    serial: newSerial(randomBytes),
    ...valid,
  });
  const deviceCa = makeDeviceCa({ key: caKey, certificate: caCertificate }, iss);
  return {
    iss,
    roots: { a, b, c },
    firmware: [a.jwk, b.jwk],
    first,
    second,
    manifest: (claims, root = a) =>
      signMessage(keyManifest, { iss, keys: [first.jwk], log: [log.jwk], ...claims }, root),
    bundle: (claims, key = first) =>
      signMessage(bundle, { iss, aud: AUDIENCE, jti: newJti(), ...claims }, key),
    deviceCa: caCertificate,
    async certify(hwid, { x, y }) {
      const key = keyObject({ kty: 'EC', crv: 'P-256', x, y });
      return encodeBase64url(await deviceCa.certify({ hwid, key, serial: newSerial(randomBytes), ...valid }));
    },
    certificate: (claims, key = first) => signMessage(certificate, { iss, aud: AUDIENCE, ...claims }, key),
    token: ({ sub, nonce, scope, for: seconds }, claims, key = first) =>
      signMessage(
        unlockToken,
        {
          ...{ iss, aud: AUDIENCE, sub, nonce, jti: newJti(), iat: 1_750_000_000, exp: 1_750_000_600 },
          ...{ scope, for: seconds, by: 'alice', ...claims },
        },
        key,
      ),
  };
}

/** A nonce that no module has made. */
export const otherNonce = (): string => encodeBase64url(randomBytes(16));

/** A manifest that a module holds is checked no more, so this one needs no root. */
export function heldManifest(claims: Pick<KeyManifest, 'iss' | 'ver' | 'keys'>): Promise<string> {
  const log: OkpJwk = {
    kty: 'OKP',
    crv: 'Ed25519',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  };
  const signer = { alg: 'PS256' as const, kid: 'A'.repeat(43), sign: async () => new Uint8Array(512) };
  const { iss, ver, keys } = claims;
  return signMessage(keyManifest, { iss, ver, keys, log: [log] }, signer);
}
