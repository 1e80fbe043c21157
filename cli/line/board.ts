import { Failure } from '../failure.ts';
import type { Output } from '../output.ts';
import { type Outcome, recordOf, type Step, sentenceOf, steps } from './outcome.ts';
import { Screen } from './screen.ts';
import type { Slot } from './slot.ts';
import { Tally } from './tally.ts';

/** What the lanes tell of themselves. */
export interface Show {
  readonly tally: Tally;
  step(slot: Slot, step: Step, hwid?: string): void;
  /** What is wrong with a slot, where that is no module's; undefined once it is right again. */
  fault(slot: Slot, message: string | undefined): void;
  add(outcome: Outcome): void;
  warn(line: string): void;
  /** The end. @returns why not all is done */
  finish(): Failure | undefined;
}

/** One slot as it is shown. */
interface Row {
  readonly slot: Slot;
  step: Step;
  hwid: string | undefined;
  /** Since when this module is worked on, in milliseconds; undefined where none is. */
  since: number | undefined;
  fault: string | undefined;
}

/** A row for each slot at the foot of a terminal; a line, or with --json a record, for each module. */
export class Board implements Show {
  readonly tally = new Tally();
  readonly #out: Output;
  readonly #now: () => number;
  readonly #started: number;
  readonly #rows: ReadonlyMap<string, Row>;
  readonly #screen: Screen | undefined;

  /** @param now milliseconds */
  constructor(out: Output, slots: readonly Slot[], now: () => number) {
    this.#out = out;
    this.#now = now;
    this.#started = now();
    const blank = { step: 'empty', hwid: undefined, since: undefined, fault: undefined } as const;
    this.#rows = new Map(slots.map((slot) => [slot.name, { slot, ...blank }]));
    const { stderr } = out.streams;
    if (stderr.isTTY === true) this.#screen = new Screen(stderr, () => this.#frame());
  }

  step({ name }: Slot, step: Step, hwid?: string): void {
    const row = this.#rows.get(name);
    if (row === undefined) return;
    if (step === 'empty' || step === 'done' || step === 'failed') row.since = undefined;
    else row.since ??= this.#now();
    row.step = step;
    row.hwid = step === 'empty' ? undefined : (hwid ?? row.hwid);
    this.#screen?.changed();
  }

  fault({ name }: Slot, message: string | undefined): void {
    const row = this.#rows.get(name);
    if (row === undefined || row.fault === message) return;
    row.fault = message;
    if (message !== undefined) this.warn(`${name}: ${message}`);
  }

  add(outcome: Outcome): void {
    this.tally.add(outcome);
    const { slot, failure, hwid } = outcome;
    const row = this.#rows.get(slot.name);
    if (row !== undefined) row.fault = failure?.message;
    this.step(slot, failure === undefined ? 'done' : 'failed', hwid);
    const next = failure?.next === undefined ? [] : [`  ${failure.next}`];
    this.#print(() => this.#out.result(recordOf(outcome), `${slot.name}  ${sentenceOf(outcome)}`, ...next));
  }

  warn(line: string): void {
    this.#print(() => this.#out.warn(line));
  }

  finish(): Failure | undefined {
    this.#screen?.end();
    const seconds = this.#seconds();
    this.#out.result({ summary: this.tally.summary(seconds) }, ...this.tally.lines(seconds));
    const { failed, unlabelled } = this.tally;
    if (failed === 0 && unlabelled === 0) return undefined;
    const what =
      failed > 0
        ? `${failed} of the modules ${failed === 1 ? 'was' : 'were'} not done`
        : `Every module is done, but labels are not written: ${unlabelled}`;
    return new Failure('failure', 'modules-failed', `${what}.`, {
      next: 'Each is told above with its fault. Run again, it goes on where it stopped; what is done stays done.',
    });
  }

  #seconds(): number {
    return (this.#now() - this.#started) / 1000;
  }

  #print(write: () => void): void {
    this.#screen?.hide();
    write();
    this.#screen?.changed();
  }

  #frame(): string[][] {
    const now = this.#now();
    const heading = ['SLOT', 'STEP', 'MODULE', 'SECONDS', 'LAST FAULT'];
    const rows = [...this.#rows.values()].map(({ slot, step, hwid, since, fault }) => [
      slot.name,
      steps[step],
      hwid ?? '',
      since === undefined ? '' : ((now - since) / 1000).toFixed(0),
      fault ?? '',
    ]);
    return [heading, ...rows, [this.tally.line(this.#seconds())]];
  }
}
