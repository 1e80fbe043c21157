import { createPublicKey, ECDH, hash, type KeyObject } from 'node:crypto';
import { decodeBase64url } from './base64url.ts';

/** RSA public key (RFC 7518 §6.3.1); `e` is always 65537. */
export interface RsaJwk {
  readonly kty: 'RSA';
  readonly n: string;
  readonly e: 'AQAB';
  readonly kid: string;
}

/** Device key: P-256 public key (RFC 7518 §6.2.1). */
export interface EcJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

/** Log key: Ed25519 public key (RFC 8037 §2). */
export interface OkpJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
}

/** RFC 7638 SHA-256 thumbprint, base64url: the `kid` of every key here. */
export function thumbprint(jwk: Omit<RsaJwk, 'kid'> | EcJwk | Omit<OkpJwk, 'kid'>): string {
  const required =
    jwk.kty === 'RSA'
      ? { e: jwk.e, kty: jwk.kty, n: jwk.n }
      : jwk.kty === 'EC'
        ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
        : { crv: jwk.crv, kty: jwk.kty, x: jwk.x };
  return hash('sha256', JSON.stringify(required), 'base64url');
}

/** The public JWK of an RSA key, with its thumbprint as `kid`. */
export function rsaJwk(key: KeyObject): RsaJwk {
  const { n, e } = publicJwk(key);
  if (n === undefined || e !== 'AQAB') throw new TypeError('not an RSA key with exponent 65537');
  return { kty: 'RSA', n, e, kid: thumbprint({ kty: 'RSA', n, e }) };
}

/** The public JWK of a P-256 key. */
export function ecJwk(key: KeyObject): EcJwk {
  const { crv, x, y } = publicJwk(key);
  if (crv !== 'P-256' || x === undefined || y === undefined) throw new TypeError('not a P-256 key');
  return { kty: 'EC', crv, x, y };
}

/** The public JWK of an Ed25519 key, with its thumbprint as `kid`. */
export function okpJwk(key: KeyObject): OkpJwk {
  const { crv, x } = publicJwk(key);
  if (crv !== 'Ed25519' || x === undefined) throw new TypeError('not an Ed25519 key');
  return { kty: 'OKP', crv, x, kid: thumbprint({ kty: 'OKP', crv, x }) };
}

/**
 * The key that a JWK stands for. One key has one JWK and so one thumbprint: coordinates with padding,
 * leading zeros or trailing bits, which OpenSSL would take, are refused.
 * @throws TypeError where the members do not make a key, or are not spelled as the key would spell them
 */
export function keyObject(jwk: RsaJwk | EcJwk | OkpJwk): KeyObject {
  const key = importJwk(jwk);
  if (key === undefined || thumbprint(key.export({ format: 'jwk' }) as typeof jwk) !== thumbprint(jwk)) {
    throw new TypeError(`not a canonical ${jwk.kty} public key`);
  }
  return key;
}

/** True for a base64url RSA modulus of exactly `bits` bits. */
export function isModulus(n: string, bits: 3072 | 4096): boolean {
  const bytes = decodeBase64url(n);
  return bytes !== undefined && bytes.length === bits / 8 && (bytes[0] ?? 0) >= 0x80;
}

/** True for the coordinates of a point on P-256, in the one spelling that a key has. */
export function isPoint(x: string, y: string): boolean {
  const coordinates = [x, y].flatMap((text) => decodeBase64url(text) ?? []);
  if (coordinates.length !== 2 || coordinates.some(({ length }) => length !== 32)) return false;
  try {
    // SEC 1 §2.3.4 takes no point off the curve; making a key of it would take five times as long.
    ECDH.convertKey(Buffer.concat([UNCOMPRESSED, ...coordinates]), 'prime256v1');
    return true;
  } catch {
    return false;
  }
}
const UNCOMPRESSED = Buffer.of(4);

function importJwk(jwk: RsaJwk | EcJwk | OkpJwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function publicJwk(key: KeyObject) {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
}
