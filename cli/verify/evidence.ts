import { createHash, type KeyObject } from 'node:crypto';
import type { z } from 'zod';
import type { UnlockBundle } from '../../protocol/api.ts';
import type { EventType, LogEvent } from '../../protocol/events.ts';
import type { Trusted } from '../trust.ts';

export type Bundle = z.output<typeof UnlockBundle>;

/** A bundle, and what of it has been shown to hold so far. */
export interface Evidence {
  readonly bundle: Bundle;
  readonly trusted: Trusted;
  /** Public key of the bundle's device, and its thumbprint. */
  readonly device: { readonly key: KeyObject; readonly kid: string };
  /** The events whose proofs hold, in the order of the log. */
  readonly events: readonly LogEvent[];
}

/** The events of a type. */
export function eventsOf<T extends EventType>(
  { events }: Pick<Evidence, 'events'>,
  type: T,
): Extract<LogEvent, { type: T }>[] {
  return events.filter((event): event is Extract<LogEvent, { type: T }> => event.type === type);
}

/** SHA-256 over compact bytes, base64url, as events name messages. */
export function digestOf(jws: string): string {
  return createHash('sha256').update(jws).digest('base64url');
}
