import type { Clock } from '../../module/simulator/clock.ts';

interface Alarm {
  readonly due: number;
  readonly act: () => void;
}

/** A monotonic clock that goes on when it is told to. */
export class ManualClock implements Clock {
  #now = 5_000_000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  after(ms: number, act: () => void): () => void {
    const alarm = { due: this.#now + ms, act };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Alarms that are due go off in their order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#alarms].sort((a, b) => a.due - b.due)[0];
      if (next === undefined || next.due > end) break;
      this.#alarms.delete(next);
      this.#now = next.due;
      next.act();
    }
    this.#now = end;
  }
}
