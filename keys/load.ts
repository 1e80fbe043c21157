import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBase64url } from '../protocol/base64url.ts';
import { ecJwk, isModulus, type RsaJwk, rsaJwk } from '../protocol/jwk.ts';
import { deviceCaSubject } from './device-ca.ts';
import { KeyFault } from './fault.ts';
import { exists, readPrivate, readPublic, requirePrivateDirectory } from './files.ts';
import type { DeviceCaMaterial, KeyMaterial } from './material.ts';
import { type KeyPlaces, keyFiles, requireKekOutside } from './places.ts';

/**
 * Reads and checks every key that the running server needs.
 * @throws KeyFault naming the file, what is wrong with it, and what to do
 */
export function loadMaterial(places: KeyPlaces, iss: string, now: Date): KeyMaterial {
  const files = keyFiles(places);
  requirePrivateDirectory(places.dataDir);
  requirePrivateDirectory(files.dir);
  const ca = loadRsa(files.ca, 3072);
  return {
    roots: loadRoots(places),
    issuers: issuerFiles(files.dir).map((file) => loadRsa(file, 3072)),
    log: loadLogKey(files.log),
    ca,
    caCertificate: loadCaCertificate(files.caCertificate, ca, iss, now),
    deviceCa: loadDeviceCa(places, iss, now),
    tls: loadRsa(files.tls, 3072),
    kek: loadKek(places),
  };
}

/**
 * The device CA, undefined where neither of its files is there.
 * @throws KeyFault where one is missing or they do not belong together
 */
export function loadDeviceCa(places: KeyPlaces, iss: string, now: Date): DeviceCaMaterial | undefined {
  const { deviceCa, deviceCaCertificate } = keyFiles(places);
  if (!exists(deviceCa) && !exists(deviceCaCertificate)) return undefined;
  const key = loadP256(deviceCa);
  return { key, certificate: loadDeviceCaCertificate(deviceCaCertificate, key, iss, now) };
}

/** Private P-256 key. */
export function loadP256(file: string): KeyObject {
  const key = readKey(file, () => createPrivateKey(readPrivate(file)));
  readKey(file, () => ecJwk(key));
  return key;
}

/** PEM, after checking that it is `key`'s, for `iss`, of the device CA, and in force at `now`. */
export function loadDeviceCaCertificate(file: string, key: KeyObject, iss: string, now: Date): string {
  return loadCertificate(file, key, { subject: deviceCaSubject(iss), ca: `device CA of ${iss}` }, now);
}

/** Private RSA key of exactly `bits`, exponent 65537. */
export function loadRsa(file: string, bits: 3072 | 4096): KeyObject {
  const key = readKey(file, () => createPrivateKey(readPrivate(file)));
  requireRsa(file, key, bits);
  return key;
}

/** The public halves of both roots. */
export function loadRoots(places: KeyPlaces): readonly [RsaJwk, RsaJwk] {
  const { rootA, rootB } = keyFiles(places);
  const [a, b] = [loadRootPublic(rootA.public), loadRootPublic(rootB.public)];
  if (a.kid === b.kid) throw new KeyFault('mismatch', `${rootA.public} and ${rootB.public} are the same key`);
  return [a, b];
}

/**
 * The first root whose private half is here, to sign a manifest with.
 * @throws KeyFault `missing` where both are offline
 */
export function loadRootPrivate(places: KeyPlaces): KeyObject {
  const { rootA, rootB } = keyFiles(places);
  const file = [rootA, rootB].find((root) => exists(root.private));
  if (file === undefined) {
    throw new KeyFault('missing', `no root private key in ${places.roots}: bring one of them back for this`);
  }
  const key = loadRsa(file.private, 4096);
  requireHalves(file.public, loadRootPublic(file.public), key);
  return key;
}

export function loadRootPublic(file: string): RsaJwk {
  const key = readKey(file, () => createPublicKey(readPublic(file)));
  return requireRsa(file, key, 4096);
}

export function requireHalves(file: string, publicHalf: RsaJwk, privateHalf: KeyObject): void {
  if (rsaJwk(privateHalf).kid !== publicHalf.kid) {
    throw new KeyFault('mismatch', `${file} is not the public half of the root private key beside it`);
  }
}

export function loadLogKey(file: string): KeyObject {
  const key = readKey(file, () => createPrivateKey(readPrivate(file)));
  if (key.asymmetricKeyType !== 'ed25519') throw new KeyFault('malformed', `${file} is not an Ed25519 key`);
  return key;
}

/** PEM, after checking that it is `key`'s, for `iss`, of a CA, and in force at `now`. */
export function loadCaCertificate(file: string, key: KeyObject, iss: string, now: Date): string {
  const subject = `O=Latchkey access CA\nCN=${iss}`;
  return loadCertificate(file, key, { subject, ca: `access CA of ${iss}` }, now);
}

function loadCertificate(
  file: string,
  key: KeyObject,
  wanted: { readonly subject: string; readonly ca: string },
  now: Date,
): string {
  const pem = readPublic(file);
  const certificate = readKey(file, () => new X509Certificate(pem));
  if (!certificate.checkPrivateKey(key)) throw new KeyFault('mismatch', `${file} is not of the CA's key`);
  if (!certificate.ca || certificate.subject !== wanted.subject) {
    throw new KeyFault('mismatch', `${file} is not the ${wanted.ca}: is iss in the configuration right?`);
  }
  if (now < new Date(certificate.validFrom)) {
    throw new KeyFault('expired', `${file} begins ${certificate.validFrom}: is this machine's clock right?`);
  }
  if (now > new Date(certificate.validTo))
    throw new KeyFault('expired', `${file} ended ${certificate.validTo}`);
  return pem;
}

/** 32 bytes; the file holds them in base64url, on one line. */
export function loadKek(places: KeyPlaces): Uint8Array {
  requireKekOutside(places);
  const kek = decodeBase64url(readPrivate(places.kek).trimEnd());
  if (kek?.length !== 32) throw new KeyFault('malformed', `${places.kek} is not 32 bytes in base64url`);
  return kek;
}

function issuerFiles(dir: string): readonly string[] {
  const names = readdirSync(dir).filter((name) => /^issuer-[1-9]\d*\.pem$/.test(name));
  if (names.length === 0)
    throw new KeyFault('missing', `${dir} has no issuer key (issuer-1.pem): restore it from a backup`);
  return names.sort().map((name) => join(dir, name));
}

function requireRsa(file: string, key: KeyObject, bits: 3072 | 4096): RsaJwk {
  const jwk = readKey(file, () => rsaJwk(key));
  if (!isModulus(jwk.n, bits)) throw new KeyFault('malformed', `${file} is not an RSA-${bits} key`);
  return jwk;
}

/** OpenSSL's own words for what it cannot read help nobody, and might quote the file. */
function readKey<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof KeyFault) throw cause;
    throw new KeyFault('malformed', `${file} cannot be read as a key or certificate`);
  }
}
