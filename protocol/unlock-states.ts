import type { IndexedEvent } from './bundle-proofs.ts';
import type { LogEvent } from './events.ts';
import type { Find } from './unlock-bundle.ts';

/** What can become of an unlock (DESIGN section 6): five as it should go, four as it should not. */
export const unlockStates = [
  'waiting',
  'ready',
  'issued',
  'open',
  'closed',
  'denied',
  'cancelled',
  'expired',
  'unaccounted',
] as const;
export type UnlockState = (typeof unlockStates)[number];

export type EventOf<T extends LogEvent['type']> = Extract<LogEvent, { type: T }>;

/** An event about one unlock; a receipt is about the unlock that its `jti` names. */
type OwnEvent = Extract<LogEvent, { unlock: string }> | EventOf<'receipt.accepted'>;
type Steps = {
  readonly [T in OwnEvent['type']]: (event: EventOf<T>, before: UnlockState) => readonly UnlockState[];
};

/** The states after an event, among which its own `state` must be; none where it cannot happen. */
const steps: Steps = {
  'unlock.requested': () => [],
  'unlock.cancelled': (_, before) => (isUnissued(before) ? ['cancelled'] : []),
  'unlock.issued': (_, before) => (before === 'ready' || before === 'issued' ? ['issued'] : []),
  'unlock.expired': ({ why }, before) => {
    const from = {
      'not-issued': isUnissued(before),
      'never-opened': before === 'issued' || before === 'unaccounted',
      // The receipt that refused the token has moved the state already.
      refused: before === 'expired',
    };
    return from[why] ? ['expired'] : [];
  },
  'unlock.unaccounted': (_, before) => (isOut(before) ? ['unaccounted'] : []),
  'token.refused': (_, before) => [before],
  'password.revealed': (_, before) => (isOut(before) ? [before] : []),
  'receipt.accepted': ({ event }, before) => {
    switch (event) {
      case 'opened':
        return [before === 'issued' ? 'open' : before];
      case 'closed':
        return [isOut(before) || before === 'unaccounted' ? 'closed' : before];
      case 'refused':
        // One that was made before the newest token's challenge moves nothing.
        return before === 'issued' || before === 'unaccounted' ? [before, 'expired'] : [before];
      case 'provisioned':
        return [];
    }
  },
};

/**
 * Each event finds the unlock in a state in which it can happen, and leaves the one that it names.
 * @returns the last of them
 */
export function checkStates(events: readonly IndexedEvent[], find: Find): UnlockState | undefined {
  let state: UnlockState | undefined;
  for (const { index, event } of events) {
    if (!isOwn(event)) continue;
    const possible = state === undefined ? first(event) : stepOf(event)(event, state);
    const after = ('state' in event ? event.state : undefined) ?? state;
    if (after === undefined || !possible.includes(after)) {
      const what = `${event.type} leads from ${state ?? 'nothing'} to ${after ?? 'nothing'}, which cannot be`;
      find('state', `event ${index}`, what);
    }
    state = after;
  }
  return state;
}

function first(event: OwnEvent): readonly UnlockState[] {
  return event.type === 'unlock.requested' ? ['waiting', 'ready'] : [];
}

function stepOf(event: OwnEvent) {
  return steps[event.type] as (event: OwnEvent, before: UnlockState) => readonly UnlockState[];
}

function isOwn(event: LogEvent): event is OwnEvent {
  return Object.hasOwn(steps, event.type);
}

function isUnissued(state: UnlockState): boolean {
  return state === 'waiting' || state === 'ready';
}

/** A token is out, and its time is not over. */
function isOut(state: UnlockState): boolean {
  return state === 'issued' || state === 'open';
}
