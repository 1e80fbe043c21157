import { parentPort } from 'node:worker_threads';
import { crypt } from '../passwords.ts';
import type { Job } from './pool.ts';

/** A thread that hashes what the pool gives it, one after the other. */
parentPort?.on('message', (jobs: readonly Job[]) => {
  parentPort?.postMessage(jobs.map(({ password, salt }) => crypt(password, salt)));
});
