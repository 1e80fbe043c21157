import type { z } from 'zod';
import { EventAnswer } from '../protocol/api/events.ts';
import { decodeBase64url } from '../protocol/base64url.ts';
import type { Checkpoint } from '../protocol/checkpoint.ts';
import { decodeEvent, type LogEvent } from '../protocol/events.ts';
import { leafHash, verifyInclusion } from '../protocol/merkle.ts';
import type { Cli } from './context.ts';
import { Failure } from './failure.ts';
import type { Session } from './session.ts';
import { demandWitnessed } from './witness.ts';

export interface ProvenEvent {
  readonly event: LogEvent;
  /** The tree that holds it, which the log extends that this home follows. */
  readonly tree: Checkpoint;
}

/**
 * One event, shown to stand in the log that this home follows.
 * @throws Failure `event-unproved`, and as demandWitnessed() does
 */
export async function fetchProven(cli: Cli, session: Session, index: number): Promise<ProvenEvent> {
  const { event: proven, checkpoint } = await session.client.get(`/v1/events/${index}`, EventAnswer);
  const tree = await demandWitnessed(cli, session, checkpoint);
  const leaf = decodeBase64url(proven.leaf) ?? new Uint8Array();
  if (proven.index !== index || !isIncluded(proven, leaf, tree)) {
    throw unproved(index, 'its proof does not lead to the root of the checkpoint');
  }
  const event = decodeEvent(leaf);
  if (event !== undefined) return { event, tree };
  throw unproved(
    index,
    'it is in the log, but is not the canonical form of an event that this version knows',
  );
}

function isIncluded(
  { index, proof }: z.output<typeof EventAnswer>['event'],
  leaf: Uint8Array,
  { size, root }: Checkpoint,
): boolean {
  const hashes = proof.map((hash) => decodeBase64url(hash) ?? new Uint8Array());
  return verifyInclusion({ leafHash: leafHash(leaf), index, size, proof: hashes, root });
}

function unproved(index: number, why: string): Failure {
  return new Failure('verification', 'event-unproved', `Event ${index} is not proved: ${why}.`, {
    next: 'Do not rely on it. Show it to an auditor.',
    details: { index },
  });
}
