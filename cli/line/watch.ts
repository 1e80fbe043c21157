import { asFailure, type Failure } from '../failure.ts';
import { attend } from './lane.ts';
import type { Line } from './line.ts';
import type { Outcome } from './outcome.ts';
import type { Slot } from './slot.ts';

/** Milliseconds between two looks at a slot. */
const POLL = 500;

/** What a slot without a module, or with one that is switched off, looks like. */
const absence: ReadonlySet<string> = new Set([
  'port-missing',
  'port-gone',
  'port-unreachable',
  'port-timeout',
  'module-silent',
]);

/**
 * One module after the other, until Ctrl-C. A port that stays while modules change, as of a console server
 * or a fixture's own adapter, is looked at by asking for the module behind it.
 */
export async function watchSlot(line: Line, slot: Slot, done: (outcome: Outcome) => void): Promise<void> {
  const { signal } = line.cli;
  /** The module that is still in the slot after its turn. */
  let tended: string | undefined;
  while (!signal.aborted) {
    const outcome = await attend(line, slot, (hwid) => hwid === tended || isDone(line, slot, hwid));
    if (outcome?.hwid !== undefined) {
      tended = outcome.hwid;
      done(outcome);
      line.scanner?.want(slot.name);
    } else if (outcome !== undefined && !signal.aborted) {
      tended = undefined;
      empty(line, slot, outcome.failure);
    }
    await line.cli.delay(POLL, signal).catch(() => {});
  }
}

/** A module of this run that comes back is told, and left as it is. */
function isDone({ board }: Line, slot: Slot, hwid: string): boolean {
  if (!board.tally.isDone(hwid)) return false;
  board.step(slot, 'done', hwid);
  board.fault(slot, `module ${hwid} is done already in this run`);
  return true;
}

function empty({ board }: Line, slot: Slot, failure: Failure | undefined): void {
  board.step(slot, 'empty');
  const { code, message } = failure ?? asFailure(undefined);
  board.fault(slot, absence.has(code) ? undefined : message);
}
