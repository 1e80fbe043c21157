import type { z } from 'zod';
import { TokenAnswer, type Unlock as UnlockSchema } from '../protocol/api.ts';
import { checkToken } from '../protocol/checks.ts';
import { cmeErrors } from '../protocol/cme.ts';
import { decodePayload, openEnvelope } from '../protocol/jws.ts';
import { type Challenge, challenge as message } from '../protocol/messages.ts';
import type { Client } from './client.ts';
import { Failure } from './failure.ts';
import type { Trusted } from './trust.ts';

export type Unlock = z.output<typeof UnlockSchema>;

/** Asks for the token that answers a challenge. The same challenge again gets the same token. */
export async function askToken(client: Client, unlock: Unlock, challenge: string) {
  return client.post(`/v1/unlocks/${unlock.id}/token`, TokenAnswer, { challenge });
}

/**
 * Holds a token to what was asked for, by the module's own rules (DESIGN section 4) under the newest
 * manifest, before the module gets it: a module spends its nonce on the first well-signed token.
 * @throws Failure `token-unfit`
 */
export function demandFit(token: string, challenge: string, unlock: Unlock, trusted: Trusted): void {
  const live = readChallenge(challenge);
  const state = {
    ...{ hwid: live.sub, iss: trusted.iss, keys: trusted.issuers, pwv: live.pwv },
    live: { nonce: live.nonce, scope: live.scope, for: live.for },
  };
  const verdict = checkToken(token, state);
  if (!verdict.ok) throw unfit(unlock, cmeErrors[verdict.cme]);
  const { jti, by } = verdict.token;
  if (jti !== unlock.id) throw unfit(unlock, `it is the token of unlock ${jti}`);
  if (by !== unlock.requester) throw unfit(unlock, `it is for ${by}, not for ${unlock.requester}`);
  if (verdict.token.for > unlock.seconds) throw unfit(unlock, 'it grants more seconds than were asked for');
}

/** What a challenge says; its signature is for the server to check. @throws MessageError */
export function readChallenge(jws: string): Challenge {
  return decodePayload(message, openEnvelope(message, jws).payload);
}

function unfit(unlock: Unlock, why: string): Failure {
  return new Failure(
    'verification',
    'token-unfit',
    `The token of unlock ${unlock.id} is not what was asked for: ${why}.`,
    {
      next: 'The module did not get it. Show this to an officer.',
      details: { unlock: unlock.id },
    },
  );
}
