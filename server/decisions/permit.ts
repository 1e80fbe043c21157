import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { PolicyQuestion } from '../policy.ts';

/** @throws Problem `forbidden`, with what is missing as `need` */
export function mustBePermitted(
  { policy }: Services,
  caller: Caller,
  question: Omit<PolicyQuestion, 'principal'>,
): void {
  const { name, kind, roles } = caller;
  const answer = policy.permits({ ...question, principal: { name, kind, roles } });
  if (answer.permitted) return;
  const { need } = answer;
  throw new Problem('forbidden', `This needs ${need}.`, { need });
}

/** People, stations and their certificates are an officer's to manage. */
export function mustAdminister(services: Services, caller: Caller): void {
  mustBePermitted(services, caller, {
    action: 'administer',
    resource: { type: 'Server', id: 'principals' },
    context: {},
  });
}

/** Registering and confirming, for stations and officers. */
export function mayProvision(services: Services, caller: Caller, hwid: string): void {
  mustBePermitted(services, caller, {
    action: 'provision',
    resource: { type: 'Module', id: hwid },
    context: {},
  });
}

/** What becomes of a registered module is an officer's word. */
export function mayTend(services: Services, caller: Caller, hwid: string): void {
  mustBePermitted(services, caller, {
    action: 'administer',
    resource: { type: 'Module', id: hwid },
    context: {},
  });
}

/** Whoever may see what others did may see who they are. */
export function mustReview(services: Services, caller: Caller): void {
  mustBePermitted(services, caller, {
    action: 'review',
    resource: { type: 'Log', id: 'events' },
    context: {},
  });
}
