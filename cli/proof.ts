import type { z } from 'zod';
import type { ProvenEvent } from '../protocol/api.ts';
import { decodeBase64url } from '../protocol/base64url.ts';
import { type Checkpoint, logOrigin, openCheckpoint } from '../protocol/checkpoint.ts';
import { decodeEvent, type LogEvent } from '../protocol/events.ts';
import { leafHash, verifyInclusion } from '../protocol/merkle.ts';
import { NoteError } from '../protocol/note.ts';
import { Failure } from './failure.ts';
import type { Trusted } from './trust.ts';

export type Proven = z.output<typeof ProvenEvent>;

/**
 * The event in a proven leaf, once it is shown to stand in the tree of the checkpoint.
 * @throws Failure `log-unsigned`, `event-unproved`
 */
export function proveEvent(proven: Proven, checkpoint: string, trusted: Trusted) {
  const tree = signedTree(checkpoint, trusted);
  const event = includedEvent(proven, tree);
  if (typeof event !== 'string') return { event, size: tree.size };
  throw new Failure('verification', 'event-unproved', `Event ${proven.index}: ${event}.`, {
    next: 'Do not rely on it. Show it to an auditor.',
    details: { index: proven.index },
  });
}

/** @throws Failure `log-unsigned` */
export function signedTree(checkpoint: string, { iss, logKeys }: Trusted): Checkpoint {
  try {
    return openCheckpoint(checkpoint, logOrigin(iss), logKeys);
  } catch (cause) {
    if (!(cause instanceof NoteError)) throw cause;
    throw new Failure(
      'verification',
      'log-unsigned',
      `The checkpoint is not the log key’s: ${cause.message}.`,
      {
        cause,
        details: { checkpoint },
      },
    );
  }
}

/** @returns the event, or what is wrong with it */
export function includedEvent({ index, leaf, proof }: Proven, { size, root }: Checkpoint): LogEvent | string {
  const bytes = decodeBase64url(leaf);
  const path = proof.map(decodeBase64url);
  if (bytes === undefined || !path.every((hash) => hash !== undefined))
    return 'leaf or proof is not base64url';
  if (!verifyInclusion({ leafHash: leafHash(bytes), index, size, proof: path, root })) {
    return 'its proof does not lead to the root of the checkpoint';
  }
  return decodeEvent(bytes) ?? 'its leaf is not the canonical form of an event that this version knows';
}
