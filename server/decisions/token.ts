import type { NewEvent } from '../../protocol/events.ts';
import { type Challenge, challenge as message } from '../../protocol/messages.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import type { PolicyAnswer } from '../policy.ts';
import { mayIssue } from './ask.ts';
import { digestOf, verifyDevice } from './device.ts';
import { type Evidence, gather } from './evidence.ts';
import { commitGrant } from './grant.ts';
import { decideIssue, type Refusal } from './issue.ts';
import { heldManifest } from './manifest.ts';
import { obstacle, raiseForeignToken } from './module.ts';
import { findSubject, type Subject } from './subject.ts';
import { settle } from './sweep.ts';
import { type Counted, visible } from './unlock.ts';

export interface TokenOutcome {
  readonly unlock: Counted;
  readonly token: string;
  /** Null where the token is the stored one. */
  readonly log: LogPosition | null;
}

/** Decisions are made from what was read and hold only if it has not changed; then they are made again. */
const MOST_ATTEMPTS = 4;

/**
 * Answers a challenge with the token of an unlock.
 * @param jws the challenge, as the module signed it
 * @throws Problem
 */
export async function issueToken(
  services: Services,
  caller: Caller,
  id: string,
  jws: string,
): Promise<TokenOutcome> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const outcome = await tryToIssue(services, caller, id, jws);
    if (outcome !== undefined) return outcome;
  }
  throw new Error(`unlock ${id}: the facts changed ${MOST_ATTEMPTS} times while its token was signed`);
}

/** @returns undefined where the facts changed between the decision and the commit */
async function tryToIssue(
  services: Services,
  caller: Caller,
  id: string,
  jws: string,
): Promise<TokenOutcome | undefined> {
  const subject = await current(services, caller, id);
  const policy = mayIssue(services, caller, subject.unlock, 0);
  if (repeatOf(subject, policy, jws) !== undefined) return repeat(services, caller, id, policy, jws);

  const challenge = await prove(services, caller, subject, jws);
  const now = services.clock();
  const evidence = await gather(services.read, subject, challenge, now);
  const decision = decideIssue({
    ...{ now: Math.floor(now.getTime() / 1000), by: caller.name, policy, challenge },
    ...{ unlock: subject.unlock, module: subject.module, tokens: subject.tokens },
    ...evidence,
    ...(await heldManifest(services, challenge.keys)),
    holder: holderOf(evidence),
  });
  if ('problem' in decision) return refuse(services, caller, decision);

  const granted = await commitGrant(services, { caller, subject, jws, challenge, evidence, grant: decision });
  if (granted === undefined) return undefined;
  const issued = new Date(decision.iat * 1000).toISOString();
  const { token, log } = granted;
  const changed = { state: 'issued', issued, granted: decision.for, tokens: subject.tokens + 1 } as const;
  return { unlock: { ...subject.unlock, ...changed }, token, log };
}

/** The unlock as it is now, after what time has done to it. */
async function current(services: Services, caller: Caller, id: string): Promise<Subject> {
  const subject = await findSubject(services.read, id);
  const unlock = visible(subject?.unlock, services, caller);
  if (subject === undefined || (await settle(services, [unlock])) > 0) return current(services, caller, id);
  return subject;
}

/**
 * The newest challenge sent again, because its answer was lost: the same token, whatever became of it. It is
 * read where a fresh one would be written, so that it leaves only while a fresh one could.
 */
async function repeat(
  services: Services,
  caller: Caller,
  id: string,
  policy: PolicyAnswer,
  jws: string,
): Promise<TokenOutcome | undefined> {
  const { value: subject } = await services.commit(caller, (tx) => findSubject(tx.db, id));
  const stored = subject && repeatOf(subject, policy, jws);
  if (subject === undefined || stored === undefined) return undefined;
  const { unlock, tokens } = subject;
  const sealedFor = { purpose: 'token', subject: id, version: stored.turn } as const;
  const token = Buffer.from(services.sealer.open(stored.sealed_token, sealedFor)).toString();
  return { unlock: { ...unlock, tokens }, token, log: null };
}

/** The newest grant where it answered this very challenge and may be given again. */
function repeatOf({ unlock, module, newest }: Subject, policy: PolicyAnswer, jws: string): Subject['newest'] {
  if (newest === undefined || newest.challenge_digest !== digestOf(jws)) return undefined;
  return policy.permitted && obstacle(unlock.hwid, module) === undefined ? newest : undefined;
}

/** @throws Problem `invalid-message`; what the module's key did not sign is on record */
async function prove(
  services: Services,
  caller: Caller,
  { unlock, module }: Subject,
  jws: string,
): Promise<Challenge> {
  try {
    return verifyDevice(message, jws, module);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { id, hwid } = unlock;
    const event = { type: 'token.refused', by: caller.name, unlock: id, hwid, code: error.code } as const;
    return refuse(services, caller, { problem: error, event });
  }
}

function holderOf({ others }: Evidence) {
  return others.find(({ state, fate }) => (state === 'issued' || state === 'open') && fate === 'stays');
}

/** A refusal that leaves an event is answered once the event is in the log. */
async function refuse(services: Services, caller: Caller, { problem, event }: Refusal): Promise<never> {
  if (event !== undefined) await services.commit(caller, (tx) => record(tx, event));
  throw problem;
}

async function record(tx: Tx, event: NewEvent): Promise<void> {
  if (event.type === 'module.foreign-token') await raiseForeignToken(tx, event);
  else await tx.append(event);
}
