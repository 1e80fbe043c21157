import { constants, type KeyObject, sign } from 'node:crypto';
import { okpJwk, rsaJwk } from '../protocol/jwk.ts';
import type { IssuerKey, LogKey } from './keys.ts';

/**
 * PS256 with a private key that this process holds: an issuer's, or in ceremonies a root's. The
 * callback form signs on the thread pool, so that the event loop serves others meanwhile.
 */
export function pssKey(key: KeyObject): IssuerKey {
  const jwk = rsaJwk(key);
  const padded = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return { alg: 'PS256', kid: jwk.kid, jwk, sign: (bytes) => signAsync(bytes, padded) };
}

/** RSASSA-PKCS1-v1_5 with SHA-256, as X.509 certificates carry it (RFC 4055 §5). */
export function signCertificate(key: KeyObject, tbs: Uint8Array): Promise<Uint8Array> {
  return signAsync(tbs, { key, padding: constants.RSA_PKCS1_PADDING });
}

export function logKey(key: KeyObject): LogKey {
  return { jwk: okpJwk(key), sign: (bytes) => sign(null, bytes, key) };
}

/** A signature with SHA-256, made on the thread pool; of an EC key it is DER (RFC 5758 §3.2). */
export function signAsync(
  bytes: Uint8Array,
  key: { key: KeyObject; padding?: number; saltLength?: number },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign('sha256', bytes, key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}
