import type { Rate } from '../config.ts';

/**
 * Token buckets by key, as the generic cell rate algorithm keeps them (ITU-T I.371): one number for
 * each key, the moment at which its bucket is full again. At most `most` keys are remembered: the
 * one longest not seen is forgotten first.
 */
export class RateLimit {
  readonly #interval: number;
  readonly #tolerance: number;
  readonly #clock: () => Date;
  readonly #most: number;
  readonly #full = new Map<string, number>();

  constructor(rate: Rate, clock: () => Date, most = 10_000) {
    this.#interval = 1000 / rate.perSecond;
    this.#tolerance = this.#interval * rate.burst;
    this.#clock = clock;
    this.#most = most;
  }

  /** Milliseconds until the key's bucket has a token; 0 where it has one now. Takes none. */
  wait(key: string): number {
    const now = this.#clock().getTime();
    return Math.max(0, this.#fullAt(key, now) + this.#interval - now - this.#tolerance);
  }

  /** Takes a token where there is one. @returns as `wait` */
  take(key: string): number {
    const wait = this.wait(key);
    if (wait === 0) this.#remember(key);
    return wait;
  }

  #fullAt(key: string, now: number): number {
    const full = this.#full.get(key) ?? now;
    // No bucket takes that long to fill: the clock was set back, which must lock nobody out.
    return full > now + this.#tolerance ? now : Math.max(full, now);
  }

  #remember(key: string): void {
    const full = this.#fullAt(key, this.#clock().getTime()) + this.#interval;
    this.#full.delete(key);
    this.#full.set(key, full);
    if (this.#full.size <= this.#most) return;
    const [oldest] = this.#full.keys();
    if (oldest !== undefined) this.#full.delete(oldest);
  }
}
