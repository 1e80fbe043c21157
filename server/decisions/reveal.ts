import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import { openPassword } from '../passwords.ts';
import { obstacle } from './module.ts';
import { mustBePermitted } from './permit.ts';
import { findSubject } from './subject.ts';
import { lapseOf } from './sweep.ts';
import { visible } from './unlock.ts';

export interface Revealed {
  readonly hwid: string;
  readonly ver: number;
  readonly password: string;
  readonly log: LogPosition;
}

/**
 * Shows the password that is in force once the unlock's newest token is accepted; the event comes
 * first, and from then on the version counts as known: the next token replaces it.
 * @throws Problem `not-found`, `forbidden`, `unlock-state`, `password-unknown`, or the module's own
 */
export async function revealPassword(services: Services, caller: Caller, id: string): Promise<Revealed> {
  const { value, log } = await services.log.commit(async (tx) => {
    const { hwid, ver } = await inForce(tx, services, caller, id);
    const row = await tx.db
      .selectFrom('passwords')
      .select(['sealed', 'revealed'])
      .where('hwid', '=', hwid)
      .where('ver', '=', ver)
      .executeTakeFirst();
    if (row === undefined) throw unknown(hwid, ver);
    // Opened here, so that a row which does not open leaves neither event nor mark.
    const password = openPassword(services, hwid, ver, row.sealed);
    const revealed = row.revealed ?? services.clock().toISOString();
    await tx.db
      .updateTable('passwords')
      .set({ revealed })
      .where('hwid', '=', hwid)
      .where('ver', '=', ver)
      .execute();
    await tx.append({ type: 'password.revealed', by: caller.name, unlock: id, hwid, ver });
    return { hwid, ver, password };
  });
  if (log === null) throw new Error(`the reveal of ${value.hwid} left no event`);
  return { ...value, log };
}

/** The version that the newest token carries, else the one that its challenge reported. */
async function inForce(tx: Tx, services: Services, caller: Caller, id: string) {
  const subject = await findSubject(tx.db, id);
  const unlock = visible(subject?.unlock, services, caller);
  const resource = { type: 'Unlock', id, owner: unlock.requester } as const;
  mustBePermitted(services, caller, { action: 'reveal', resource, context: {} });
  const refusal = obstacle(unlock.hwid, subject?.module);
  if (refusal !== undefined) throw refusal;
  const { hwid, state } = unlock;
  const live = (state === 'issued' || state === 'open') && lapseOf(unlock, services.clock()) === undefined;
  const newest = subject?.newest;
  if (!live || newest === undefined) {
    const detail = `Unlock ${id} is ${state}; a password is shown while it is issued or open.`;
    throw new Problem('unlock-state', detail, { state });
  }
  return { hwid, ver: newest.pw_ver ?? newest.pwv };
}

function unknown(hwid: string, ver: number): Problem {
  return new Problem(
    'password-unknown',
    `Module ${hwid} has password version ${ver} in force, which this server does not hold; request another unlock.`,
  );
}
