import { decodeBase64url } from './base64url.ts';
import { type Checkpoint, logOrigin, openCheckpoint } from './checkpoint.ts';
import { decodeEvent, type LogEvent } from './events.ts';
import { keyObject, type RsaJwk } from './jwk.ts';
import { followManifests, ManifestError, type SignedManifest } from './manifests.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { NoteError, noteVerifier } from './note.ts';
import type { Find, UnlockBundle } from './unlock-bundle.ts';

/** An event at its place in the log. */
export interface IndexedEvent {
  readonly index: number;
  readonly event: LogEvent;
}

/** The manifests lead back to the roots. @returns undefined where they do not; else at least one */
export function checkManifests(
  { manifests }: UnlockBundle,
  roots: readonly RsaJwk[],
  find: Find,
): readonly SignedManifest[] | undefined {
  try {
    const chain = followManifests(manifests, roots);
    if (chain.length > 0) return chain;
    find('manifest', 'manifests', 'there is none');
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    find('manifest', `manifests[${error.place}]`, `does not lead back to the roots: ${error.message}`);
  }
  return undefined;
}

/** The checkpoint is of the issuer's log, and signed by a log key that the newest manifest names. */
export function checkCheckpoint(
  { checkpoint }: UnlockBundle,
  manifests: readonly SignedManifest[],
  find: Find,
): Checkpoint | undefined {
  const newest = manifests.at(-1)?.claims;
  const origin = logOrigin(newest?.iss ?? '');
  const verifiers = (newest?.log ?? []).map((jwk) => noteVerifier(origin, keyObject(jwk)));
  try {
    return openCheckpoint(checkpoint, origin, verifiers);
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    find('checkpoint', 'checkpoint', `is not the log key's: ${error.message}`);
    return undefined;
  }
}

/**
 * Each leaf is one event, about this unlock or the registration of its module; each stands in the
 * checkpoint's tree; and they follow each other.
 * @returns those that can be read
 */
export function checkEvents(
  { unlock, events }: UnlockBundle,
  checkpoint: Checkpoint | undefined,
  find: Find,
): readonly IndexedEvent[] {
  const read: IndexedEvent[] = [];
  for (const [place, { index, leaf, proof }] of events.entries()) {
    const at = `events[${place}]`;
    const bytes = decodeBase64url(leaf) ?? new Uint8Array();
    if (checkpoint !== undefined && !isIncluded(checkpoint, index, bytes, proof)) {
      find('inclusion', at, `is not event ${index} of the checkpoint's tree of ${checkpoint.size}`);
    }
    if (index <= (events[place - 1]?.index ?? -1)) find('event', at, 'does not follow the one before it');
    const event = decodeEvent(bytes);
    if (event === undefined) find('event', at, 'is not a canonical event of the closed list');
    else if (!belongs(event, unlock)) find('event', at, `is a ${event.type} that is not about this unlock`);
    else read.push({ index, event });
  }
  return read;
}

function isIncluded(
  { size, root }: Checkpoint,
  index: number,
  leaf: Uint8Array,
  proof: readonly string[],
): boolean {
  const hashes = proof.map((hash) => decodeBase64url(hash) ?? new Uint8Array());
  return verifyInclusion({ leafHash: leafHash(leaf), index, size, proof: hashes, root });
}

function belongs(event: LogEvent, unlock: string): boolean {
  if (event.type === 'module.registered') return true;
  if (event.type === 'receipt.accepted') return event.jti === unlock;
  return 'unlock' in event && event.unlock === unlock;
}
