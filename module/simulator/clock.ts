import { performance } from 'node:perf_hooks';

/** The module's monotonic clock: nobody can set it, and it starts anew at every boot. */
export interface Clock {
  /** Milliseconds since some moment before boot. */
  now(): number;
  /** Calls `act` once, not before `ms` milliseconds have passed. @returns what calls that off */
  after(ms: number, act: () => void): () => void;
}

/** Longest delay that a Node timer takes; what is longer is slept in parts. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const monotonicClock: Clock = {
  now: () => performance.now(),
  after(ms, act) {
    const end = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const sleep = () => {
      const left = end - performance.now();
      if (left <= 0) act();
      else timer = setTimeout(sleep, Math.min(Math.ceil(left), LONGEST_TIMER));
    };
    timer = setTimeout(sleep, 0);
    return () => clearTimeout(timer);
  },
};
