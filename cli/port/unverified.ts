import type { ClaimsOf, Shape } from '../../protocol/claims.ts';
import { decodePayload, type Message, MessageError, openEnvelope } from '../../protocol/jws.ts';

/**
 * What a message says of itself, its signature not looked at: enough to notice what a line without
 * checksums did to it. Who decides on it verifies it first.
 * @returns undefined for what is not exactly such a message
 */
export function claimsOf<S extends Shape>(message: Message<S>, jws: string): ClaimsOf<S> | undefined {
  try {
    return decodePayload(message, openEnvelope(message, jws).payload);
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}
