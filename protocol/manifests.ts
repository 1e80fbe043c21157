import type { KeyObject } from 'node:crypto';
import { keyObject, type RsaJwk } from './jwk.ts';
import { type KeyStore, MessageError, verifyMessage } from './jws.ts';
import { type KeyManifest, keyManifest } from './messages.ts';

/** A manifest's compact bytes beside what they say. */
export interface SignedManifest {
  readonly jws: string;
  readonly claims: KeyManifest;
}

/** Manifests that do not lead back to the roots; `place` is that of the first that does not. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly place: number;

  constructor(place: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.place = place;
  }
}

/**
 * Follows manifests, oldest first, from the roots. One that names `roots` hands over to these: whatever
 * comes after it must be signed by them. Versions rise, and all are of one issuer.
 * @param roots each with its own thumbprint as `kid`
 * @throws ManifestError
 */
export function followManifests(manifests: readonly string[], roots: readonly RsaJwk[]): SignedManifest[] {
  const chain: SignedManifest[] = [];
  let inForce = keyStore(roots);
  for (const [place, jws] of manifests.entries()) {
    const claims = verifyManifest(jws, inForce, place);
    const before = chain.at(-1)?.claims;
    if (before !== undefined && (claims.ver <= before.ver || claims.iss !== before.iss)) {
      const order = `manifest ${claims.ver} of ${claims.iss} does not follow manifest ${before.ver} of ${before.iss}`;
      throw new ManifestError(place, order);
    }
    chain.push({ jws, claims });
    if (claims.roots !== undefined) inForce = keyStore(claims.roots);
  }
  return chain;
}

/** The keys by their `kid`. */
export function keyStore(keys: readonly RsaJwk[]): KeyStore {
  const objects = new Map<string, KeyObject>(keys.map((jwk) => [jwk.kid, keyObject(jwk)]));
  return (kid) => objects.get(kid);
}

function verifyManifest(jws: string, roots: KeyStore, place: number): KeyManifest {
  try {
    return verifyMessage(keyManifest, jws, roots);
  } catch (error) {
    if (error instanceof MessageError) throw new ManifestError(place, error.message, error);
    throw error;
  }
}
