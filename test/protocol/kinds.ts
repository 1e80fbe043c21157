import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import type { ClaimsOf, Shape } from '../../protocol/claims.ts';
import { ecJwk, okpJwk, rsaJwk, thumbprint } from '../../protocol/jwk.ts';
import type { KeyStore, Message, Signer } from '../../protocol/jws.ts';
import {
  bundle,
  certificate,
  challenge,
  closings,
  csr,
  keyManifest,
  receipt,
  refusals,
  unlockToken,
} from '../../protocol/messages.ts';

/** One of the seven messages, with a key to sign it and every claim that section 4 allows. */
export interface Kind<S extends Shape = Shape> {
  readonly message: Message<S>;
  readonly key: KeyObject;
  readonly claims: fc.Arbitrary<ClaimsOf<S>>;
}

const issuer = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
const root = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey;
const device = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

const from = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
const bytes = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((all) => Buffer.from(all).toString('base64url'));

const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
const crypt = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const name = from(printable.replace(/["\\]/g, ''), 1, 64);
const hwid = from('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-', 8, 64);
const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const positive = fc.integer({ min: 1, max: 0xffff_ffff });
const jti = fc.uuid({ version: 7 });
const scope = fc.constantFrom('console', 'adb', 'ssh', 'reset');
const hash = fc
  .tuple(fc.constantFrom('', 'rounds=1000$', 'rounds=999999999$'), from(crypt, 1, 16), from(crypt, 85, 85))
  .map(([rounds, salt, digest]) => `$6$${rounds}${salt}$${digest}.`);
const pw = fc.record({ ver: positive, hash });

const iat = fc.integer({ min: 0, max: 0xffff_ffff - 3600 });
const life = fc.integer({ min: 1, max: 3600 });
const token = fc
  .record(
    { iss: name, aud: name, sub: hwid, nonce: bytes(16), jti, iat, life, scope, for: uint, by: name, pw },
    { requiredKeys: ['iss', 'aud', 'sub', 'nonce', 'jti', 'iat', 'life', 'scope', 'for', 'by'] },
  )
  .map(({ life, ...claims }) => ({ ...claims, exp: claims.iat + life }));

const common = { sub: hwid, jti, elapsed: uint, seq: positive, pwv: uint };
const receipts = fc.oneof(
  fc.record({ ...common, event: fc.constant('provisioned'), dig: bytes(32) }),
  fc.record({ ...common, event: fc.constant('opened') }),
  fc.record({ ...common, event: fc.constant('closed'), why: fc.constantFrom(...closings) }),
  fc.record({ ...common, event: fc.constant('refused'), why: fc.constantFrom(...refusals) }),
);

const challenges = fc.record(
  {
    sub: hwid,
    nonce: bytes(16),
    seq: positive,
    scope,
    for: uint,
    keys: uint,
    pwv: uint,
    fw: name,
    last: jti,
  },
  { requiredKeys: ['sub', 'nonce', 'seq', 'scope', 'for', 'keys', 'pwv', 'fw'] },
);

const logKey = okpJwk(generateKeyPairSync('ed25519').publicKey);
const other = rsaJwk(generateKeyPairSync('rsa', { modulusLength: 4096 }).publicKey);
const manifests = fc.record(
  {
    iss: name,
    ver: positive,
    keys: fc.constant([rsaJwk(issuer)]),
    log: fc.constant([logKey]),
    roots: fc.constant([other, rsaJwk(root)]),
  },
  { requiredKeys: ['iss', 'ver', 'keys', 'log'] },
);

const bundles = fc.oneof(
  fc.record({ iss: name, aud: name, jti }),
  fc.record({ iss: name, aud: name, jti, sub: hwid, dkt: bytes(32), pw }),
);

const tls = ecJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
const csrs = fc.record({ sub: hwid, x: fc.constant(tls.x), y: fc.constant(tls.y), seq: positive });

const crt = fc
  .uint8Array({ minLength: 1, maxLength: 1536 })
  .map((all) => Buffer.from(all).toString('base64url'));
const certificates = fc.record({ iss: name, aud: name, sub: hwid, dkt: bytes(32), crt });

export const kinds: readonly Kind[] = [
  { message: challenge, key: device, claims: challenges },
  { message: unlockToken, key: issuer, claims: token },
  { message: receipt, key: device, claims: receipts },
  { message: keyManifest, key: root, claims: manifests },
  { message: bundle, key: issuer, claims: bundles },
  { message: csr, key: device, claims: csrs },
  { message: certificate, key: issuer, claims: certificates },
];

/** A signer over a key of this process, by RFC 7518 §3.4 or §3.5 as the key is. */
export function signerOf(key: KeyObject): Signer {
  if (key.asymmetricKeyType === 'ec') {
    const p1363 = { key, dsaEncoding: 'ieee-p1363' } as const;
    return { alg: 'ES256', kid: thumbprint(ecJwk(key)), sign: async (input) => sign('sha256', input, p1363) };
  }
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return { alg: 'PS256', kid: rsaJwk(key).kid, sign: async (input) => sign('sha256', input, pss) };
}

/** A store that knows the public half of `key` alone. */
export function storeOf(key: KeyObject): KeyStore {
  const { kid } = signerOf(key);
  return (wanted) => (wanted === kid ? createPublicKey(key) : undefined);
}
