import { parentPort } from 'node:worker_threads';
import type { Job } from './pool.ts';
import { sha512crypt } from './sha512crypt.ts';

/** A thread that hashes what the pool gives it, one after the other. */
parentPort?.on('message', (jobs: readonly Job[]) => {
  parentPort?.postMessage(jobs.map(({ password, salt, rounds }) => sha512crypt(password, salt, rounds)));
});
