import type { OkpJwk, RsaJwk } from '../protocol/jwk.ts';
import { type Signer, signMessage } from '../protocol/jws.ts';
import { followManifests, ManifestError, type SignedManifest } from '../protocol/manifests.ts';
import { type KeyManifest, keyManifest } from '../protocol/messages.ts';
import { KeyFault } from './fault.ts';

/** Signs a manifest with a root key. */
export async function signManifest(claims: KeyManifest, root: Signer): Promise<SignedManifest> {
  return { jws: await signMessage(keyManifest, claims, root), claims };
}

/**
 * Checks that manifests lead back to `roots`, as protocol/manifests.ts says, and are `iss`'s.
 * @param manifests compact JWS, oldest first; at least one
 * @throws KeyFault
 */
export function verifyManifests(
  manifests: readonly string[],
  roots: readonly RsaJwk[],
  iss: string,
): readonly SignedManifest[] {
  const [first, ...later] = follow(manifests, roots);
  if (first === undefined) throw new KeyFault('missing', 'there is no key manifest');
  const { ver, iss: named } = first.claims;
  if (named === iss) return [first, ...later];
  throw new KeyFault('mismatch', `manifest ${ver} is of ${named}, the configuration's iss is ${iss}`);
}

/** @throws KeyFault naming the key where `claims` does not name it */
export function requireNamed(claims: KeyManifest, key: RsaJwk | OkpJwk, what: string): void {
  if (![...claims.keys, ...claims.log].some(({ kid }) => kid === key.kid)) {
    throw new KeyFault('mismatch', `manifest ${claims.ver} does not name the ${what} key ${key.kid}`);
  }
}

function follow(manifests: readonly string[], roots: readonly RsaJwk[]): readonly SignedManifest[] {
  try {
    return followManifests(manifests, roots);
  } catch (cause) {
    if (!(cause instanceof ManifestError)) throw cause;
    throw new KeyFault('mismatch', `a key manifest is not under the root keys: ${cause.message}`, cause);
  }
}
