import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { LogPosition, Tx } from '../log/log.ts';
import { openPassword } from '../passwords.ts';
import { obstacle } from './module.ts';
import { mustBePermitted } from './permit.ts';
import { findSubject, type Subject } from './subject.ts';
import { lapseOf } from './sweep.ts';
import { findUnlock, mustFind, visible } from './unlock.ts';

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
  const { requester: owner } = visible(await findUnlock(services.read, id), services, caller);
  mustBePermitted(services, caller, {
    action: 'reveal',
    resource: { type: 'Unlock', id, owner },
    context: {},
  });
  const { value, log } = await services.commit(caller, async (tx) => {
    const now = services.clock();
    const { hwid, ver } = inForce(mustFind(await findSubject(tx.db, id)), now);
    const password = await show(tx, services, hwid, ver, now);
    await tx.append({ type: 'password.revealed', by: caller.name, unlock: id, hwid, ver });
    return { hwid, ver, password };
  });
  if (log === null) throw new Error(`a reveal for ${id} left no event`);
  return { ...value, log };
}

/**
 * The version that the newest token carries, else the one that its challenge reported.
 * @throws Problem
 */
function inForce({ unlock, module, newest }: Subject, now: Date): { hwid: string; ver: number } {
  const { id, hwid, state } = unlock;
  const refusal = obstacle(hwid, module);
  if (refusal !== undefined) throw refusal;
  const live = (state === 'issued' || state === 'open') && lapseOf(unlock, now) === undefined;
  if (live && newest !== undefined) return { hwid, ver: newest.pw_ver ?? newest.pwv };
  throw new Problem(
    'unlock-state',
    `Unlock ${id} is ${state}; passwords are shown while one is issued or open, so request another.`,
    {
      state,
    },
  );
}

/** Marks a password as revealed and opens it: what does not open is not marked, as the throw undoes it. */
async function show(tx: Tx, services: Services, hwid: string, ver: number, now: Date): Promise<string> {
  const row = await tx.db
    .selectFrom('passwords')
    .select(['sealed', 'revealed'])
    .where('hwid', '=', hwid)
    .where('ver', '=', ver)
    .executeTakeFirst();
  if (row === undefined) throw unknown(hwid, ver);
  await tx.db
    .updateTable('passwords')
    .set({ revealed: row.revealed ?? now.toISOString() })
    .where('hwid', '=', hwid)
    .where('ver', '=', ver)
    .execute();
  return openPassword(services, hwid, ver, row.sealed);
}

function unknown(hwid: string, ver: number): Problem {
  return new Problem(
    'password-unknown',
    `Module ${hwid} has password version ${ver} in force, which this server does not hold; request another unlock.`,
  );
}
