import type { z } from 'zod';
import { TokenAnswer, type Unlock as UnlockSchema } from '../protocol/api/unlocks.ts';
import { decodePayload, MessageError, openEnvelope } from '../protocol/jws.ts';
import { type Challenge, challenge as message } from '../protocol/messages.ts';
import type { Client } from './client.ts';
import { Failure } from './failure.ts';
import { demandFitToken } from './fit.ts';
import type { Trusted } from './trust.ts';

export type Unlock = z.output<typeof UnlockSchema>;

/**
 * Gets the token that answers a challenge, and holds it to what was asked for. The same challenge again
 * gets the same token.
 * @throws Failure
 */
export async function fetchToken(client: Client, unlock: Unlock, challenge: string, trusted: Trusted) {
  const claims = readChallenge(challenge);
  const answer = await client.post(`/v1/unlocks/${unlock.id}/token`, TokenAnswer, { challenge });
  demandFitToken(answer.token, claims, unlock, trusted);
  return answer;
}

/** What a challenge says; its signature is for the server to check. @throws Failure where it is none */
export function readChallenge(jws: string): Challenge {
  try {
    return decodePayload(message, openEnvelope(message, jws).payload);
  } catch (cause) {
    if (!(cause instanceof MessageError)) throw cause;
    throw new Failure('usage', 'challenge-malformed', `This is not a module’s challenge: ${cause.message}.`, {
      next: 'Make another: latchkey challenge --port PORT --out FILE',
      cause,
    });
  }
}
