import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { crypt } from '../server/passwords.ts';

const Data = z.object({ seconds: z.number() });

/** Bare hashes a second, made as the server makes them, on every core at once: the peer of an import. */
export async function hashesPerSecond(threads: number, seconds: number): Promise<number> {
  const counts = await Promise.all(Array.from({ length: threads }, () => hashed(seconds)));
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

function hashed(seconds: number): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { seconds } });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

if (!isMainThread) {
  const { seconds } = Data.parse(workerData);
  const password = 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ01';
  const until = (ms: number) => {
    const end = performance.now() + ms;
    let count = 0;
    for (; performance.now() < end; count += 1) crypt(password, 'saltsaltsaltsalt');
    return count;
  };
  // The first is for V8, which compiles meanwhile.
  until(500);
  parentPort?.postMessage(until(seconds * 1000));
}
