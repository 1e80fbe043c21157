import type { NewEvent } from '../../protocol/events.ts';
import { Problem, type ProblemCode } from '../../protocol/problems.ts';
import type { UnlockRow } from '../store/schema.ts';
import type { IssueFacts, Refusal } from './issue.ts';
import { flagged, obstacle } from './module.ts';

/** Tokens of one unlock: the first, and at most 3 that replace it. */
const MOST_TOKENS = 4;

type Refused = Refusal | undefined;

export function refuseByPolicy({ policy }: IssueFacts): Refused {
  if (policy.permitted) return undefined;
  const { need } = policy;
  return { problem: new Problem('forbidden', `Policy refuses the token: it needs ${need}.`, { need }) };
}

export function refuseModule({ unlock, module }: IssueFacts): Refused {
  const problem = obstacle(unlock.hwid, module);
  return problem && { problem };
}

/** `ready` gets its token, `issued` may get another. */
export function refuseState({ unlock }: IssueFacts): Refused {
  if (unlock.state === 'ready' || unlock.state === 'issued') return undefined;
  const { state } = unlock;
  return refuse('unlock-state', `Unlock ${unlock.id} is ${state}: ${advice[state]}.`, { state });
}

const advice: Record<UnlockRow['state'], string> = {
  waiting: 'it waits for approval',
  ready: 'ask for its token',
  issued: 'its token is out',
  open: 'the module is open already',
  closed: 'its session is over; request another',
  denied: 'it was denied; ask who denied it, or request another',
  cancelled: 'it was cancelled; request another',
  expired: 'its time is over; request another',
  unaccounted: 'its time is over, and what became of it is unknown; request another',
};

/** The challenge asks for what was requested; in seconds, for anything but nothing. */
export function refuseMisfit(facts: IssueFacts): Refused {
  const { unlock, challenge } = facts;
  const misfit =
    challenge.sub !== unlock.hwid
      ? `it is module ${challenge.sub}’s, the unlock is of ${unlock.hwid}`
      : challenge.scope !== unlock.scope
        ? `it asks for ${challenge.scope}, the unlock is of ${unlock.scope}`
        : challenge.for === 0
          ? 'it asks for no time at all'
          : undefined;
  if (misfit === undefined) return undefined;
  return refuseOnRecord(
    facts,
    'challenge-mismatch',
    `The challenge does not fit: ${misfit}. Make one that does.`,
  );
}

/** `last` names a token that this server never issued: an issuer key may have leaked. */
export function refuseForeignToken({ by, unlock, challenge, lastKnown }: IssueFacts): Refused {
  if (lastKnown || challenge.last === undefined) return undefined;
  const { hwid } = unlock;
  return {
    problem: flagged(hwid, challenge.last),
    event: { type: 'module.foreign-token', by, hwid, last: challenge.last },
  };
}

/** `seq` never goes back, and a nonce is granted at most once. */
export function refuseSpent(facts: IssueFacts): Refused {
  const { by, unlock, module, challenge, nonceGranted } = facts;
  const { hwid } = unlock;
  if (nonceGranted) {
    return refuseOnRecord(facts, 'challenge-spent', 'This challenge got its token before; make a new one.');
  }
  const { seq } = challenge;
  const granted = module.granted_seq;
  if (seq > granted) return undefined;
  const spent = `The challenge is number ${seq} of module ${hwid}, which got a token for number ${granted} before; `;
  return {
    ...refuse('challenge-spent', `${spent}make a new one, and if that does not help, ask an officer.`),
    event: { type: 'module.rolled-back', by, hwid, seq, granted },
  };
}

/** While issued and provably unopened, a later challenge may replace the token: its nonce is dead. */
export function refuseReplacement(facts: IssueFacts): Refused {
  const { unlock, challenge, tokens } = facts;
  if (unlock.state !== 'issued') return undefined;
  if (challenge.last === unlock.id) {
    return refuse(
      'unlock-state',
      `Module ${unlock.hwid} has accepted this unlock’s token already; request another unlock.`,
      {
        state: unlock.state,
      },
    );
  }
  if (tokens < MOST_TOKENS) return undefined;
  const exhausted = `The token of unlock ${unlock.id} was replaced ${tokens - 1} times; request another unlock.`;
  return refuseOnRecord(facts, 'replacements-exhausted', exhausted);
}

export function refuseInUse({ unlock, holder }: IssueFacts): Refused {
  if (holder === undefined) return undefined;
  const held = `Module ${unlock.hwid} is in use by ${holder.requester} (unlock ${holder.id}); have it locked, or wait for its end.`;
  return refuse('module-in-use', held, { holder: holder.requester, unlock: holder.id });
}

/** Versions are uint32 on the wire; a module that reports the last of them is broken or lies. */
export function refuseVersion({ unlock }: IssueFacts, ver: number | undefined): Refused {
  if (ver === undefined || ver <= 0xffff_ffff) return undefined;
  return refuse(
    'challenge-mismatch',
    `Module ${unlock.hwid} has used up its password versions; ask an officer.`,
  );
}

export function refuseManifest({ unlock, challenge, manifests }: IssueFacts): Refusal {
  const behind = `Module ${unlock.hwid} holds key manifest ${challenge.keys}, which names no live issuer key; `;
  return refuse('manifest-behind', `${behind}hand it the enclosed ones, then make a new challenge.`, {
    manifests,
  });
}

function refuse(code: ProblemCode, detail: string, extensions: Record<string, unknown> = {}): Refusal {
  return { problem: new Problem(code, detail, extensions) };
}

/** A refusal that an auditor wants to see: somebody tried what no honest client does. */
function refuseOnRecord({ by, unlock }: IssueFacts, code: ProblemCode, detail: string): Refusal {
  const event: NewEvent = { type: 'token.refused', by, unlock: unlock.id, hwid: unlock.hwid, code };
  return { ...refuse(code, detail), event };
}
