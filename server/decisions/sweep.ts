import { SERVER } from '../../protocol/events.ts';
import { NONCE_LIFE } from '../../protocol/messages.ts';
import type { Services } from '../context.ts';
import type { Tx } from '../log/log.ts';
import type { UnlockRow } from '../store/schema.ts';

/** What time does to an unlock. */
export type Lapse = 'expired' | 'unaccounted';
type Timed = Pick<UnlockRow, 'id' | 'hwid' | 'state' | 'deadline' | 'issued' | 'granted'>;

/**
 * An unlock that was not issued by its deadline is expired. One that was is over, whatever happened,
 * when the nonce's life and the seconds granted have passed since the newest token's `iat`; where no
 * closing receipt came by then, it is unaccounted.
 */
export function lapseOf({ state, deadline, issued, granted }: Timed, now: Date): Lapse | undefined {
  if (state === 'waiting' || state === 'ready') {
    return now.getTime() >= Date.parse(deadline) ? 'expired' : undefined;
  }
  if ((state !== 'issued' && state !== 'open') || issued === null) return undefined;
  const over = Date.parse(issued) + (NONCE_LIFE + (granted ?? 0)) * 1000;
  return now.getTime() >= over ? 'unaccounted' : undefined;
}

/** Moves an unlock to where time has put it; nothing where it has moved meanwhile. */
export async function lapse(tx: Tx, { id, hwid, state, issued }: Timed, to: Lapse): Promise<void> {
  const moved = await tx.db
    .updateTable('unlocks')
    .set({ state: to })
    .where('id', '=', id)
    .where('state', '=', state)
    .where('issued', issued === null ? 'is' : '=', issued)
    .executeTakeFirst();
  if (moved.numUpdatedRows === 0n) return;
  await tx.append(
    to === 'expired'
      ? { type: 'unlock.expired', by: SERVER, unlock: id, hwid, why: 'not-issued', state: to }
      : { type: 'unlock.unaccounted', by: SERVER, unlock: id, hwid, state: to },
  );
}

/** Settles those of the unlocks that have lapsed. @returns how many had */
export async function settle(services: Services, unlocks: readonly Timed[]): Promise<number> {
  const now = services.clock();
  const due = unlocks.flatMap((unlock) => {
    const to = lapseOf(unlock, now);
    return to === undefined ? [] : [{ unlock, to }];
  });
  await Promise.all(due.map(({ unlock, to }) => services.commit(SERVER, (tx) => lapse(tx, unlock, to))));
  return due.length;
}

/** Settles every unlock that nobody looks at. @returns how many had lapsed */
export async function sweep(services: Services): Promise<number> {
  const unlocks = await services.read
    .selectFrom('unlocks')
    .select(['id', 'hwid', 'state', 'deadline', 'issued', 'granted'])
    .where('state', 'in', ['waiting', 'ready', 'issued', 'open'])
    .execute();
  return settle(services, unlocks);
}
