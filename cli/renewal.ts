import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { IssuedCertificate } from '../protocol/api/certificates.ts';
import { rsaJwk } from '../protocol/jwk.ts';
import { Client, type Patience } from './client.ts';
import type { Cli } from './context.ts';
import { Failure } from './failure.ts';
import {
  type Identity,
  type Profile,
  readIdentity,
  readNextKey,
  removeNextKey,
  writeIdentity,
  writeNextKey,
} from './profile.ts';
import { openWire } from './wire.ts';

const generate = promisify(generateKeyPair);

/** Renewed of its own accord once no more than this part of its life is left. */
const DUE = 1 / 3;

/** When a certificate ends, and whether it is time to renew it. */
export function lifeOf(
  certificate: X509Certificate,
  now: Date,
): { expires: Date; due: boolean; over: boolean } {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const left = to - now.getTime();
  return { expires: new Date(to), due: left <= (to - from) * DUE, over: left <= 0 };
}

/**
 * The key to ask a certificate for: the one stored for this purpose before, where an earlier attempt
 * was cut off, else a new one, on disk before anybody hears of it.
 */
export async function nextKey(cli: Cli, purpose: string): Promise<{ key: KeyObject; keyPem: string }> {
  const stored = readNextKey(cli.home);
  if (stored?.purpose === purpose) return { keyPem: stored.keyPem, key: createPrivateKey(stored.keyPem) };
  cli.out.progress('making a key (RSA-3072)');
  // As text at once: keys/material.ts says why.
  const { privateKey: keyPem } = await generate('rsa', {
    modulusLength: 3072,
    publicExponent: 65_537,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeNextKey(cli.home, { purpose, keyPem });
  return { keyPem, key: createPrivateKey(keyPem) };
}

/** The public half, as the api takes it. */
export function publicHalf(key: KeyObject): { kty: 'RSA'; n: string; e: 'AQAB' } {
  const { kty, n, e } = rsaJwk(key);
  return { kty, n, e };
}

/**
 * Takes a certificate that the server issued into use.
 * @throws Failure where it is not for this key, or not from the CA that this home trusts
 */
export function adopt(cli: Cli, ca: string, keyPem: string, pem: string): void {
  const certificate = new X509Certificate(pem);
  if (
    !certificate.checkPrivateKey(createPrivateKey(keyPem)) ||
    !certificate.verify(new X509Certificate(ca).publicKey)
  ) {
    throw new Failure(
      'verification',
      'certificate-wrong',
      'The server sent a certificate for another key or from another CA.',
      {
        next: 'Ask an officer; this server does not do what it should.',
      },
    );
  }
  writeIdentity(cli.home, keyPem, pem);
  removeNextKey(cli.home);
}

/**
 * Renews the certificate where it is due, or at once with `force`. Under the home's lock: a second key
 * from one serial would revoke the lineage (DESIGN section 6).
 */
export async function renew(cli: Cli, profile: Profile, force: boolean): Promise<Identity> {
  return cli.home.exclusively(cli.signal, async () => {
    const identity = readIdentity(cli.home);
    if (identity === undefined) throw notEnrolled(cli);
    const interrupted = readNextKey(cli.home)?.purpose === identity.certificate.serialNumber;
    if (!force && !interrupted && !lifeOf(identity.certificate, cli.clock()).due) return identity;
    const { key, keyPem } = await nextKey(cli, identity.certificate.serialNumber);
    const client = connect(cli, profile, identity);
    try {
      cli.out.progress('renewing the certificate');
      const { pem } = await client.post('/v1/certificates/renew', IssuedCertificate, {
        key: publicHalf(key),
      });
      adopt(cli, profile.ca, keyPem, pem);
    } finally {
      client.close();
    }
    return readIdentity(cli.home) ?? identity;
  });
}

/** A client of the profile's server; without an identity only open operations answer it. */
export function connect(
  cli: Cli,
  profile: Pick<Profile, 'server' | 'ca'>,
  identity?: Identity,
  patience?: Patience,
): Client {
  const own = identity && { cert: identity.certificatePem, key: identity.keyPem };
  return new Client({
    server: profile.server,
    wire: openWire(profile.server, { ca: profile.ca, ...own }),
    clock: cli.clock,
    delay: cli.delay,
    signal: cli.signal,
    warn: (line) => cli.out.warn(line),
    progress: (line) => cli.out.progress(line),
    ...(patience === undefined ? {} : { patience }),
  });
}

export function notEnrolled(cli: Cli): Failure {
  return new Failure('usage', 'not-enrolled', `Nobody has enrolled in ${cli.home.dir}.`, {
    next: 'Ask an officer for a code and run: latchkey enroll',
  });
}
