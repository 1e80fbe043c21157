/** Time as the port sees it, so that a test can run it by hand. */
export interface Timers {
  /** Runs `run` once, `ms` milliseconds from now. @returns what calls it off */
  after(ms: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export function pause(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(ms, resolve);
  });
}
