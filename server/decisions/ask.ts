import type { Caller, Services } from '../context.ts';
import type { PolicyAnswer, PolicyQuestion } from '../policy.ts';
import type { UnlockRow } from '../store/schema.ts';

/** What policy is asked about an unlock. */
export type AskedFor = Pick<
  UnlockRow,
  'id' | 'hwid' | 'requester' | 'scope' | 'seconds' | 'reason' | 'ticket'
>;

/** Whether an unlock may be requested, and how many approvals its token needs. */
export type RequestAnswer =
  | { readonly permitted: true; readonly approvals: number }
  | { readonly permitted: false; readonly need: string };

/** A policy that is not satisfied by this many approvals never is. */
const MOST_APPROVALS = 3;

/** Asks for the request and for its token too: what could never be issued is refused at once. */
export function mayRequest(services: Services, caller: Caller, unlock: AskedFor): RequestAnswer {
  const answer = services.policy.permits({
    action: 'request',
    principal: caller,
    resource: { type: 'Module', id: unlock.hwid },
    context: contextOf(services, unlock, 0),
  });
  return answer.permitted ? approvalsNeeded(services, caller, unlock, 0) : answer;
}

function approvalsNeeded(services: Services, caller: Caller, unlock: AskedFor, given: number): RequestAnswer {
  const answer = mayIssue(services, caller, unlock, given);
  if (answer.permitted) return { permitted: true, approvals: given };
  return given === MOST_APPROVALS ? answer : approvalsNeeded(services, caller, unlock, given + 1);
}

/** @param approvals that were given */
export function mayIssue(
  services: Services,
  caller: Caller,
  unlock: AskedFor,
  approvals: number,
): PolicyAnswer {
  return services.policy.permits({
    action: 'issue',
    principal: caller,
    resource: { type: 'Unlock', id: unlock.id, owner: unlock.requester },
    context: contextOf(services, unlock, approvals),
  });
}

function contextOf({ config }: Services, unlock: AskedFor, approvals: number): PolicyQuestion['context'] {
  const { scope, seconds, reason, ticket } = unlock;
  const matching = Object.entries(config.tickets).filter(
    ([, pattern]) => ticket !== null && pattern.test(ticket),
  );
  const tickets = matching.map(([name]) => name);
  // Three letters or digits in a row are the least that says something: "." does not.
  return { scope, seconds, reason: /[\p{L}\p{N}]{3}/u.test(reason), tickets, approvals };
}
