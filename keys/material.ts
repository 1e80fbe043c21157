import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { RsaJwk } from '../protocol/jwk.ts';
import { makeCa } from './certificates.ts';
import { makeDeviceCa } from './device-ca.ts';
import { KeyFault } from './fault.ts';
import type { Keys } from './keys.ts';
import { requireNamed, verifyManifests } from './manifest.ts';
import { makeKek } from './seal.ts';
import { logKey, pssKey } from './sign.ts';

/** The device CA's key and its certificate, PEM. */
export interface DeviceCaMaterial {
  readonly key: KeyObject;
  readonly certificate: string;
}

/** The keys of a running server as they lie on disk: the roots' private halves are not among them. */
export interface KeyMaterial {
  readonly roots: readonly [RsaJwk, RsaJwk];
  /** Private issuer keys; those that the newest manifest names are live. */
  readonly issuers: readonly KeyObject[];
  readonly log: KeyObject;
  readonly ca: KeyObject;
  /** PEM. */
  readonly caCertificate: string;
  /** Undefined where the server was made before there was a device CA, and has not been started since. */
  readonly deviceCa: DeviceCaMaterial | undefined;
  readonly tls: KeyObject;
  readonly kek: Uint8Array;
}

const generate = promisify(generateKeyPair);

/**
 * As text, read again: a key object that its making gave out shares a lock with the maker, and Node 20
 * stops for good where the maker is collected while the key is exported as a JWK.
 */
const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;

/** On the thread pool; RSA-4096 takes about a second of one core. Exponent 65537. */
export async function generateRsa(modulusLength: 3072 | 4096): Promise<KeyObject> {
  const options = { modulusLength, publicExponent: 65_537 };
  const { privateKey } = await generate('rsa', { ...options, publicKeyEncoding, privateKeyEncoding });
  return createPrivateKey(privateKey);
}

export async function generateP256(): Promise<KeyObject> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding });
  return createPrivateKey(privateKey);
}

export async function generateEd25519(): Promise<KeyObject> {
  const { privateKey } = await generate('ed25519', { publicKeyEncoding, privateKeyEncoding });
  return createPrivateKey(privateKey);
}

/**
 * What the server works with, after checking that the manifests are the roots' and name these keys.
 * @param manifests compact JWS: the newest last, before it, in order, each later one that names roots
 * @throws KeyFault
 */
export function makeKeys(
  iss: string,
  material: KeyMaterial,
  manifests: readonly string[],
  random: (length: number) => Uint8Array,
): Keys {
  const verified = verifyManifests(manifests, material.roots, iss);
  const newest = verified.at(-1)?.claims;
  if (newest === undefined) throw new KeyFault('missing', 'there is no key manifest');
  const log = logKey(material.log);
  requireNamed(newest, log.jwk, 'log');
  const held = material.issuers.map(pssKey);
  const issuers = newest.keys.flatMap(({ kid }) => held.find((key) => key.kid === kid) ?? []);
  if (issuers.length === 0) {
    throw new KeyFault('mismatch', `manifest ${newest.ver} names no issuer key whose private half is here`);
  }
  const { roots, tls, kek } = material;
  const ca = makeCa(material.ca, material.caCertificate, iss);
  const deviceCa = material.deviceCa && makeDeviceCa(material.deviceCa, iss);
  return { iss, issuers, log, roots, manifests: verified, ca, deviceCa, tls, kek: makeKek(kek, random) };
}
