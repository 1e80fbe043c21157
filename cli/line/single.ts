import type { Failure } from '../failure.ts';
import type { Output } from '../output.ts';
import type { Show } from './board.ts';
import { type Outcome, recordOf, type Step, sentenceOf, steps } from './outcome.ts';
import type { Slot } from './slot.ts';
import { Tally } from './tally.ts';

/** One module at one port: its steps as progress, its outcome as the command's own. */
export class Single implements Show {
  readonly tally = new Tally();
  readonly #out: Output;
  #step: Step = 'empty';
  #outcome: Outcome | undefined;

  constructor(out: Output) {
    this.#out = out;
  }

  step(_slot: Slot, step: Step, hwid?: string): void {
    if (step === this.#step) return;
    this.#step = step;
    this.#out.progress(`${steps[step]}${hwid === undefined ? '' : ` (module ${hwid})`}`);
  }

  fault(_slot: Slot, message: string | undefined): void {
    if (message !== undefined) this.warn(message);
  }

  add(outcome: Outcome): void {
    this.#outcome = outcome;
    this.tally.add(outcome);
  }

  warn(line: string): void {
    this.#out.warn(line);
  }

  /** @returns the module's own failure */
  finish(): Failure | undefined {
    const outcome = this.#outcome;
    if (outcome !== undefined && outcome.failure === undefined) {
      this.#out.result(recordOf(outcome), sentenceOf(outcome));
    }
    return outcome?.failure;
  }
}
