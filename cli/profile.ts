import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Digest, Jws, Moment } from '../protocol/api/fields.ts';
import { RootKey } from '../protocol/api/keys.ts';
import { PrincipalName } from '../protocol/api/principals.ts';
import { Failure } from './failure.ts';
import type { Home } from './home.ts';

/** Files of a home. The key and its certificate share one file, so that they change together. */
const PROFILE = 'profile.json';
const IDENTITY = 'identity.pem';
const NEXT_KEY = 'next-key.json';
const KEYS = 'keys.json';
const LOG = 'log.json';

const Profile = z.strictObject({
  version: z.literal(1),
  /** Origin of the api. */
  server: z.string().startsWith('https://'),
  iss: z.string().min(1).max(64),
  principal: PrincipalName,
  /** The access CA's certificate, PEM: the only one that this home trusts. */
  ca: z.string(),
  /** Thumbprints of both root keys, as the enrolment code gave them. */
  roots: z.array(Digest).length(2),
});
export type Profile = z.infer<typeof Profile>;

const KeptKeys = z.strictObject({ roots: z.array(RootKey), manifests: z.array(Jws) });
export type KeptKeys = z.infer<typeof KeptKeys>;

const KeptLog = z.strictObject({
  checkpoint: z.string(),
  /** The largest size that an answer has named: no checkpoint may be smaller from then on. */
  promised: z.int().min(0),
  /** The first checkpoint that this home kept: all since then extend it. */
  since: z.strictObject({ size: z.int().min(0), at: Moment }),
});
export type KeptLog = z.infer<typeof KeptLog>;

export interface Identity {
  readonly key: KeyObject;
  readonly keyPem: string;
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
}

export function readProfile(home: Home): Profile | undefined {
  return home.readJson(PROFILE, Profile);
}

/** @throws Failure where nobody has enrolled in this home */
export function demandProfile(home: Home): Profile {
  const profile = readProfile(home);
  if (profile !== undefined) return profile;
  throw new Failure('usage', 'not-enrolled', `Nobody has enrolled in ${home.dir}.`, {
    next: 'Ask an officer for a code and run: latchkey enroll',
  });
}

export function writeProfile(home: Home, profile: Profile): void {
  home.writeJson(PROFILE, profile);
}

/** @throws Failure where the file does not hold a key and its certificate */
export function readIdentity(home: Home): Identity | undefined {
  const pem = home.read(IDENTITY);
  if (pem === undefined) return undefined;
  const [keyPem, certificatePem] = [pemBlock(pem, 'PRIVATE KEY'), pemBlock(pem, 'CERTIFICATE')];
  try {
    const identity = { keyPem, certificatePem, key: createPrivateKey(keyPem) };
    const certificate = new X509Certificate(certificatePem);
    if (certificate.checkPrivateKey(identity.key)) return { ...identity, certificate };
  } catch {
    // Told below, as a key and a certificate that do not belong together are.
  }
  throw new Failure('failure', 'home-damaged', `${home.path(IDENTITY)} holds no key with its certificate.`, {
    next: 'Ask an officer for a new code and run: latchkey enroll',
  });
}

function pemBlock(pem: string, label: string): string {
  return new RegExp(`-----BEGIN ${label}-----.*?-----END ${label}-----\\n?`, 's').exec(pem)?.[0] ?? '';
}

export function writeIdentity(home: Home, keyPem: string, certificatePem: string): void {
  home.write(IDENTITY, `${keyPem}${certificatePem}`);
}

/** The key of a renewal, or of an enrolment, that has begun and not ended; and what it was made for. */
export interface NextKey {
  /** Serial of the certificate that is renewed, or SHA-256 of the enrolment code's secret. */
  readonly purpose: string;
  readonly keyPem: string;
}

const NextKeyFile = z.strictObject({ version: z.literal(1), purpose: z.string(), key: z.string() });

export function readNextKey(home: Home): NextKey | undefined {
  const file = home.readJson(NEXT_KEY, NextKeyFile);
  return file && { purpose: file.purpose, keyPem: file.key };
}

export function writeNextKey(home: Home, { purpose, keyPem }: NextKey): void {
  home.writeJson(NEXT_KEY, { version: 1, purpose, key: keyPem });
}

export function removeNextKey(home: Home): void {
  home.remove(NEXT_KEY);
}

export function readKeptKeys(home: Home): KeptKeys {
  return home.readJson(KEYS, KeptKeys) ?? { roots: [], manifests: [] };
}

export function writeKeptKeys(home: Home, keys: KeptKeys): void {
  home.writeJson(KEYS, keys);
}

export function readKeptLog(home: Home): KeptLog | undefined {
  return home.readJson(LOG, KeptLog);
}

export function writeKeptLog(home: Home, log: KeptLog): void {
  home.writeJson(LOG, log);
}
