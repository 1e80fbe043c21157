import type { NewEvent } from '../../protocol/events.ts';
import type { Caller, Services } from '../context.ts';
import type { ModuleRow } from '../store/schema.ts';
import { findModule, type ModuleOutcome, obstacle } from './module.ts';
import { recount } from './tally.ts';

type Column = 'state' | 'foreign_token' | 'cleared_token' | 'suspected' | 'granted_seq' | 'pwv_seq';

/** What an officer's word changes, and its event. */
interface Change {
  readonly set: Partial<Pick<ModuleRow, Column>>;
  readonly event: NewEvent;
}

/** @returns undefined where the module is so already */
export type Verb = (module: ModuleRow, by: string, why: string) => Change | undefined;

/** Nothing is granted to the module until it is resumed. */
export const suspend: Verb = (module, by, why) => {
  const { hwid, state } = module;
  if (state === 'suspended') return undefined;
  if (state !== 'confirmed') throw obstacle(hwid, module);
  return {
    set: { state: 'suspended' },
    event: { type: 'module.suspended', by, hwid, why, state: 'suspended' },
  };
};

export const resume: Verb = (module, by, why) => {
  const { hwid, state } = module;
  if (state === 'confirmed') return undefined;
  if (state !== 'suspended') throw obstacle(hwid, module);
  return {
    set: { state: 'confirmed' },
    event: { type: 'module.resumed', by, hwid, why, state: 'confirmed' },
  };
};

/** For good, as far as this device key goes: with another one the module may be registered anew. */
export const retire: Verb = ({ hwid, state }, by, why) =>
  state === 'retired'
    ? undefined
    : {
        set: { state: 'retired', suspected: null },
        event: { type: 'module.retired', by, hwid, why, state: 'retired' },
      };

/**
 * Somebody has looked into the token that this server never issued, or into the clone that was suspected. The
 * module's challenges go on naming the token until one of ours is accepted, so it is remembered as cleared.
 */
export const clear: Verb = ({ hwid, foreign_token, cleared_token, suspected }, by, why) =>
  foreign_token === null && suspected === null
    ? undefined
    : {
        set: { foreign_token: null, cleared_token: foreign_token ?? cleared_token, suspected: null },
        event: { type: 'module.cleared', by, hwid, why },
      };

/** The module has lost its counter for a reason that somebody knows: it may start again. */
export const resetSeq: Verb = ({ hwid, granted_seq, pwv_seq }, by) =>
  granted_seq === 0 && pwv_seq === 0
    ? undefined
    : { set: { granted_seq: 0, pwv_seq: 0 }, event: { type: 'module.seq-reset', by, hwid } };

/** @throws Problem `module-unknown`, or why the module is not in a state for this */
export async function tend(
  { commit }: Services,
  caller: Caller,
  hwid: string,
  verb: Verb,
  why: string,
): Promise<ModuleOutcome> {
  const { value: module, log } = await commit(caller, async (tx) => {
    const before = await findModule(tx.db, hwid);
    const change = verb(before, caller.name, why);
    if (change === undefined) return before;
    await tx.db.updateTable('modules').set(change.set).where('hwid', '=', hwid).execute();
    const after = { ...before, ...change.set };
    await recount(tx, before, after);
    await tx.append(change.event);
    return after;
  });
  return { module, log };
}
