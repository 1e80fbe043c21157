import type { NewEvent } from '../../protocol/events.ts';
import { type Challenge, NONCE_LIFE } from '../../protocol/messages.ts';
import type { Problem } from '../../protocol/problems.ts';
import type { PolicyAnswer } from '../policy.ts';
import type { ModuleRow, UnlockRow } from '../store/schema.ts';
import {
  refuseByPolicy,
  refuseForeignToken,
  refuseInUse,
  refuseManifest,
  refuseMisfit,
  refuseModule,
  refuseReplacement,
  refuseSpent,
  refuseState,
  refuseVersion,
} from './refusals.ts';

/** Everything that the decision to issue a token knows. */
export interface IssueFacts {
  /** Unix seconds. */
  readonly now: number;
  /** Who asks. */
  readonly by: string;
  readonly policy: PolicyAnswer;
  readonly unlock: Pick<UnlockRow, 'id' | 'hwid' | 'scope' | 'seconds' | 'state'>;
  readonly module: Pick<ModuleRow, 'state' | 'foreign_token' | 'granted_seq' | 'pwv'>;
  /** Its signature holds under the module's device key. */
  readonly challenge: Challenge;
  /** Tokens signed for this unlock so far. */
  readonly tokens: number;
  /** A token was signed for this nonce of this module before. */
  readonly nonceGranted: boolean;
  /** The challenge names no `last`, or a token that this server issued, or one that an officer cleared. */
  readonly lastKnown: boolean;
  /** Another unlock, issued or open, that the challenge does not prove over. */
  readonly holder: { readonly id: string; readonly requester: string } | undefined;
  /** The live issuer key that the module's manifest names. */
  readonly issuer: string | undefined;
  /** What to hand to the module first where there is none. */
  readonly manifests: readonly string[];
  /** Highest password version sent to the module; 0 where none was. */
  readonly sent: number;
  /** The version in force was revealed, or this server does not know it. */
  readonly spent: boolean;
}

/** What the token says beside the unlock and the challenge. */
export interface Grant {
  /** Thumbprint of the issuer key that signs. */
  readonly issuer: string;
  readonly iat: number;
  readonly exp: number;
  readonly for: number;
  /** Version of the fresh password that the token carries; undefined where it carries none. */
  readonly ver: number | undefined;
}

/** Why not, and the event that it leaves in the log where it leaves one. */
export interface Refusal {
  readonly problem: Problem;
  readonly event?: NewEvent;
}

/**
 * The decision to issue a token: DESIGN section 6, a rule a line, in the order in which they refuse.
 * Pure. What it grants is signed, then committed only if the facts still hold.
 */
export function decideIssue(facts: IssueFacts): Grant | Refusal {
  return (
    refuseByPolicy(facts) ??
    refuseModule(facts) ??
    refuseState(facts) ??
    refuseMisfit(facts) ??
    refuseForeignToken(facts) ??
    refuseSpent(facts) ??
    refuseReplacement(facts) ??
    refuseInUse(facts) ??
    refuseVersion(facts, nextVersion(facts)) ??
    (facts.issuer === undefined ? refuseManifest(facts) : grant(facts, facts.issuer))
  );
}

/** The server may narrow, never widen; the token lives as long as its nonce, for longer it is of no use. */
function grant(facts: IssueFacts, issuer: string): Grant {
  const { now, unlock, challenge } = facts;
  const seconds = Math.min(unlock.seconds, challenge.for);
  return { issuer, iat: now, exp: now + NONCE_LIFE, for: seconds, ver: nextVersion(facts) };
}

/**
 * A module without a password, or with one that somebody knows, gets another: always a fresh version
 * above all that were sent or reported, as it may have taken a token that we think lost.
 */
function nextVersion({ sent, spent, challenge, module }: IssueFacts): number | undefined {
  if (challenge.pwv !== 0 && !spent) return undefined;
  return Math.max(sent, challenge.pwv, module.pwv ?? 0) + 1;
}
