import { keyObject, type OkpJwk, type RsaJwk } from '../protocol/jwk.ts';
import { type KeyStore, type Signer, signMessage, verifyMessage } from '../protocol/jws.ts';
import { type KeyManifest, keyManifest } from '../protocol/messages.ts';
import { KeyFault } from './fault.ts';
import type { SignedManifest } from './keys.ts';

/** Signs a manifest with a root key. */
export async function signManifest(claims: KeyManifest, root: Signer): Promise<SignedManifest> {
  return { jws: await signMessage(keyManifest, claims, root), claims };
}

/**
 * Checks manifests in their order: the first under `roots`, those after one that names successors under
 * the successors; versions rise, and all are `iss`'s.
 * @param manifests compact JWS, oldest first; at least one
 * @throws KeyFault
 */
export function verifyManifests(
  manifests: readonly string[],
  roots: readonly RsaJwk[],
  iss: string,
): readonly SignedManifest[] {
  if (manifests.length === 0) throw new KeyFault('missing', 'there is no key manifest');
  const checked: SignedManifest[] = [];
  for (const jws of manifests) {
    const before = checked.at(-1)?.claims;
    const claims = verifyOne(jws, before?.roots ?? roots);
    if (claims.iss !== iss) {
      throw new KeyFault(
        'mismatch',
        `manifest ${claims.ver} is of ${claims.iss}, the configuration's iss is ${iss}`,
      );
    }
    if (before !== undefined && claims.ver <= before.ver) {
      throw new KeyFault('mismatch', `manifest ${claims.ver} does not follow manifest ${before.ver}`);
    }
    checked.push({ jws, claims });
  }
  return checked;
}

/** @throws KeyFault naming the key where `claims` does not name it */
export function requireNamed(claims: KeyManifest, key: RsaJwk | OkpJwk, what: string): void {
  if (![...claims.keys, ...claims.log].some(({ kid }) => kid === key.kid)) {
    throw new KeyFault('mismatch', `manifest ${claims.ver} does not name the ${what} key ${key.kid}`);
  }
}

function verifyOne(jws: string, roots: readonly RsaJwk[]): KeyManifest {
  const store: KeyStore = (kid) => {
    const root = roots.find((candidate) => candidate.kid === kid);
    return root && keyObject(root);
  };
  try {
    return verifyMessage(keyManifest, jws, store);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KeyFault('mismatch', `a key manifest is not under the root keys: ${reason}`, cause);
  }
}
