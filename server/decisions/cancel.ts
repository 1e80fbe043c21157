import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { UnlockOutcome } from './request.ts';
import { settle } from './sweep.ts';
import { findUnlock, mustFind, visible } from './unlock.ts';

/**
 * Takes a request back, while no token of it is out: a token cannot be taken back. Sent again, nothing changes.
 * @throws Problem `not-found`, `forbidden`, `unlock-state`
 */
export async function cancelUnlock(services: Services, caller: Caller, id: string): Promise<UnlockOutcome> {
  const unlock = visible(await findUnlock(services.read, id), services, caller);
  const { requester } = unlock;
  if (requester !== caller.name) {
    const need = `to be ${requester}, whose unlock it is`;
    throw new Problem('forbidden', `Cancelling needs ${need}.`, { need });
  }
  await settle(services, [unlock]);
  const { value, log } = await services.commit(caller, async (tx) => {
    const before = mustFind(await findUnlock(tx.db, id));
    const { hwid, state } = before;
    if (state === 'cancelled') return before;
    if (state !== 'waiting' && state !== 'ready') throw tooLate(id, hwid, state);
    await tx.db.updateTable('unlocks').set({ state: 'cancelled' }).where('id', '=', id).execute();
    await tx.append({ type: 'unlock.cancelled', by: requester, unlock: id, hwid, state: 'cancelled' });
    return { ...before, state: 'cancelled' as const };
  });
  return { unlock: value, log };
}

function tooLate(id: string, hwid: string, state: string): Problem {
  const out = state === 'issued' || state === 'open';
  const advice = out ? `its token is out, so lock module ${hwid} instead` : 'nothing is left to take back';
  return new Problem('unlock-state', `Unlock ${id} is ${state}, too late to cancel: ${advice}.`, { state });
}
