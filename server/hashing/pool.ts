import { Worker } from 'node:worker_threads';
import type { Crypt } from '../passwords.ts';

export interface Job {
  readonly password: string;
  readonly salt: string;
  readonly rounds: number;
}

interface Waiting extends Job {
  resolve(hash: string): void;
  reject(error: unknown): void;
}

/**
 * Jobs in one message at most: a thread that is woken for each spends its time on being woken, and while a
 * commit is being synced nobody gives it the next.
 */
const MOST_AT_ONCE = 64;

const program = new URL('main.js', import.meta.url);

/**
 * Hashes passwords on threads of their own, so that the one which answers requests goes on. They are
 * started as they are needed, and keep no process alive that has nothing else to do.
 * @param most threads
 */
export function hashPool(most: number): Crypt {
  const queue: Waiting[] = [];
  const idle: Worker[] = [];
  let threads = 0;

  const next = (worker: Worker) => {
    // Not more than its share, so that no thread is idle meanwhile.
    const jobs = queue.splice(0, Math.min(MOST_AT_ONCE, Math.ceil(queue.length / most)));
    if (jobs.length === 0) {
      worker.unref();
      idle.push(worker);
      return;
    }
    worker.ref();
    const settle = () => {
      worker.off('message', done);
      worker.off('error', failed);
    };
    const done = (hashes: readonly string[]) => {
      settle();
      // Before anything else is done with these, the thread has the next.
      next(worker);
      for (const [place, job] of jobs.entries()) {
        const hash = hashes[place];
        if (hash === undefined) job.reject(new Error('a thread answered with too few hashes'));
        else job.resolve(hash);
      }
    };
    // A thread that fails is over: the next job gets another.
    const failed = (error: unknown) => {
      settle();
      threads -= 1;
      for (const job of jobs) job.reject(error);
      if (queue.length > 0) start();
    };
    worker.on('message', done);
    worker.on('error', failed);
    worker.postMessage(jobs.map(({ password, salt, rounds }): Job => ({ password, salt, rounds })));
  };
  const start = () => {
    threads += 1;
    next(new Worker(program));
  };

  return (password, salt, rounds) =>
    new Promise((resolve, reject) => {
      queue.push({ password, salt, rounds, resolve, reject });
      const worker = idle.pop();
      if (worker !== undefined) next(worker);
      else if (threads < most) start();
    });
}
