import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { sha512crypt } from '../server/hashing/sha512crypt.ts';
import { ROUNDS } from '../server/passwords.ts';
import { cpuSeconds } from './process.ts';

const Data = z.object({ seconds: z.number() });

/** Bare hashes, on every core at once: how many a second, and CPU milliseconds of each. */
export interface HashCost {
  readonly perSecond: number;
  readonly cpu: number;
}

/** What hashes cost that are made as the server makes them: the peer of an import. */
export async function hashes(threads: number, seconds: number): Promise<HashCost> {
  const done = await Promise.all(Array.from({ length: threads }, () => hashed(seconds)));
  const sum = (member: keyof Hashed) => done.reduce((all, one) => all + one[member], 0);
  return { perSecond: sum('count') / seconds, cpu: (sum('cpu') * 1000) / sum('count') };
}

/** What one thread did. */
interface Hashed {
  readonly count: number;
  /** Seconds of this thread alone. */
  readonly cpu: number;
}

function hashed(seconds: number): Promise<Hashed> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { seconds } });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

if (!isMainThread) {
  const { seconds } = Data.parse(workerData);
  const password = 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ01';
  const until = (ms: number): Hashed => {
    const before = cpuSeconds('thread-self');
    const end = performance.now() + ms;
    let count = 0;
    for (; performance.now() < end; count += 1) sha512crypt(password, 'saltsaltsaltsalt', ROUNDS);
    return { count, cpu: cpuSeconds('thread-self') - before };
  };
  // The first is for V8, which compiles meanwhile.
  until(500);
  parentPort?.postMessage(until(seconds * 1000));
}
