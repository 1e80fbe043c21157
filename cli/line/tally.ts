import type { Failure } from '../failure.ts';
import { table } from '../output.ts';
import type { Outcome } from './outcome.ts';

/** A fault's code, what it was the last time, and how often it came. */
interface Fault {
  readonly last: Failure;
  readonly count: number;
}

/** What a run has done, for the live table, the summary and the exit code. */
export class Tally {
  readonly #done = new Map<string, Outcome>();
  /** By hardware ID, or slot where no module said who it is: failed, and not done since. */
  readonly #failed = new Map<string, Failure>();
  readonly #faults = new Map<string, Fault>();
  /** Modules whose label could not be written. */
  unlabelled = 0;

  add(outcome: Outcome): void {
    const { hwid, slot, failure } = outcome;
    const key = hwid ?? slot.name;
    if (failure === undefined) {
      this.#done.set(key, outcome);
      this.#failed.delete(key);
      this.#failed.delete(slot.name);
      return;
    }
    this.#failed.set(key, failure);
    this.#fault(failure);
  }

  /** A module is done, and its label is not written. */
  withoutLabel(failure: Failure): void {
    this.unlabelled += 1;
    this.#fault(failure);
  }

  /** What waited has reached the server while the run lasted. */
  delivered(hwid: string): void {
    const outcome = this.#done.get(hwid);
    if (outcome?.status === 'journaled') this.#done.set(hwid, { ...outcome, status: 'confirmed' });
  }

  isDone(hwid: string): boolean {
    return this.#done.has(hwid);
  }

  get failed(): number {
    return this.#failed.size;
  }

  count(status: Outcome['status']): number {
    return [...this.#done.values()].filter((one) => one.status === status).length;
  }

  /** @param seconds that the run has lasted */
  line(seconds: number): string {
    const looked = this.count('looked');
    const parts = [
      looked > 0 ? `${looked} looked at` : `${this.count('confirmed')} done`,
      ...(this.count('journaled') > 0 ? [`${this.count('journaled')} wait for the server`] : []),
      `${this.failed} failed`,
      ...(this.#done.size > looked ? [`${this.rate(seconds)} an hour`] : []),
    ];
    return parts.join(' · ');
  }

  rate(seconds: number): number {
    return Math.round((this.#done.size * 3600) / Math.max(seconds, 1));
  }

  /** The end of a run, for people: counts, and each fault with how often and what to do. */
  lines(seconds: number): string[] {
    const rows = [...this.#faults].map(([code, { count, last }]) => [
      `  ${count} ×`,
      code,
      last.next ?? last.message,
    ]);
    return [this.line(seconds), ...table(rows)];
  }

  /** The same for programs. */
  summary(seconds: number) {
    return {
      confirmed: this.count('confirmed'),
      journaled: this.count('journaled'),
      looked: this.count('looked'),
      failed: this.failed,
      faults: Object.fromEntries([...this.#faults].map(([code, { count }]) => [code, count])),
      seconds: Number(seconds.toFixed(3)),
      rate: this.rate(seconds),
    };
  }

  #fault(failure: Failure): void {
    const count = (this.#faults.get(failure.code)?.count ?? 0) + 1;
    this.#faults.set(failure.code, { last: failure, count });
  }
}
