import { logOrigin } from '../protocol/checkpoint.ts';
import { keyObject, type RsaJwk, thumbprint } from '../protocol/jwk.ts';
import { decodePayload, type KeyStore, MessageError, openEnvelope } from '../protocol/jws.ts';
import {
  followManifests as follow,
  keyStore,
  ManifestError,
  type SignedManifest,
} from '../protocol/manifests.ts';
import { keyManifest } from '../protocol/messages.ts';
import { type NoteVerifier, noteVerifier } from '../protocol/note.ts';
import { Failure } from './failure.ts';

/** What a chain of manifests, followed from the pinned roots, gives. */
export interface Trusted {
  readonly iss: string;
  /** In order of `ver`; never empty. */
  readonly chain: readonly SignedManifest[];
  readonly newest: SignedManifest;
  /** Issuer keys that the newest manifest names. */
  readonly issuers: KeyStore;
  /** Log keys that the newest manifest names. */
  readonly logKeys: readonly NoteVerifier[];
}

/**
 * Follows manifests in order from the roots with the given thumbprints: see protocol/manifests.ts.
 * @param pinned thumbprints of the roots trusted at the start
 * @param rootKeys candidates for these, from anywhere: only the thumbprint decides
 * @throws Failure `manifest-untrusted`
 */
export function followManifests(
  pinned: readonly string[],
  rootKeys: readonly RsaJwk[],
  manifests: readonly string[],
): Trusted {
  const chain = chainOf(manifests, pinnedRoots(pinned, rootKeys));
  const newest = chain.at(-1);
  if (newest === undefined) throw untrusted('there is no manifest');
  const { iss, keys, log } = newest.claims;
  const logKeys = log.map((jwk) => noteVerifier(logOrigin(iss), keyObject(jwk)));
  return { iss, chain, newest, issuers: keyStore(keys), logKeys };
}

function chainOf(manifests: readonly string[], roots: readonly RsaJwk[]): readonly SignedManifest[] {
  try {
    return follow(manifests, roots);
  } catch (error) {
    if (error instanceof ManifestError) throw untrusted(error.message, error);
    throw error;
  }
}

/**
 * The manifests to keep once those that a server shows are joined to those kept: nothing goes back.
 * @throws Failure `manifest-rollback`, `manifest-forked`
 */
export function joinManifests(kept: readonly string[], shown: readonly string[]): string[] {
  const held = kept.map((jws) => ({ jws, ver: versionOf(jws) }));
  const newest = held.at(-1)?.ver ?? 0;
  const offered = shown.map((jws) => ({ jws, ver: versionOf(jws) }));
  if ((offered.at(-1)?.ver ?? 0) < newest) {
    throw new Failure(
      'verification',
      'manifest-rollback',
      `The server shows key manifest ${offered.at(-1)?.ver ?? 0}, but it has shown ${newest} before.`,
      { next: 'It was restored from an old copy, or is not what it was. Ask an officer.' },
    );
  }
  const forked = offered.find(({ jws, ver }) => held.some((one) => one.ver === ver && one.jws !== jws));
  if (forked !== undefined) {
    throw new Failure(
      'verification',
      'manifest-forked',
      `There are two different key manifests ${forked.ver}: the one kept here and the one that the server shows.`,
      { next: 'A root key may have been misused. Ask an officer.', details: { shown: forked.jws } },
    );
  }
  return [...kept, ...offered.filter(({ ver }) => ver > newest).map(({ jws }) => jws)];
}

/** What the next chain needs of this one: those that name roots, and the newest. */
export function worthKeeping({ chain }: Trusted): string[] {
  return chain
    .filter(({ claims }, place) => claims.roots !== undefined || place === chain.length - 1)
    .map(({ jws }) => jws);
}

/** Those candidates, once each, whose thumbprint is pinned; what they call themselves does not count. */
export function pinnedRoots(pinned: readonly string[], candidates: readonly RsaJwk[]): RsaJwk[] {
  const found = new Map<string, RsaJwk>();
  for (const jwk of candidates) {
    const kid = thumbprint(jwk);
    if (pinned.includes(kid)) found.set(kid, { ...jwk, kid });
  }
  return [...found.values()];
}

/** Read before anything is proved, to know where it belongs. @returns 0 where it is no manifest */
function versionOf(jws: string): number {
  try {
    return decodePayload(keyManifest, openEnvelope(keyManifest, jws).payload).ver;
  } catch (error) {
    if (error instanceof MessageError) return 0;
    throw error;
  }
}

function untrusted(why: string, cause?: unknown): Failure {
  return new Failure(
    'verification',
    'manifest-untrusted',
    `The key manifests do not lead back to the roots that are trusted here: ${why}.`,
    { next: 'Do not go on with this server. Ask an officer which roots are the right ones.', cause },
  );
}
