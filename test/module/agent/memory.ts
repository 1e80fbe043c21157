import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Larger than anything that latchd has; a sanitizer's shadow of it is no place where anything stays. */
const MOST = 64 * 1024 * 1024;

/** All that a process could have written to, as it stands now: its data, heap and stacks. */
export function memoryOf(pid: number): Buffer[] {
  const file = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return readFileSync(`/proc/${pid}/maps`, 'latin1')
      .split('\n')
      .flatMap((line) => {
        const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
        const [start, end] = [from, to].map((address) => Number.parseInt(address, 16));
        if (start === undefined || end === undefined || !(end - start <= MOST)) return [];
        const bytes = Buffer.alloc(end - start);
        return [bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start))];
      });
  } finally {
    closeSync(file);
  }
}

/** How often these bytes stand in it. */
export function count(memory: readonly Buffer[], bytes: Uint8Array): number {
  let found = 0;
  for (const region of memory) {
    for (let at = region.indexOf(bytes); at >= 0; at = region.indexOf(bytes, at + 1)) found += 1;
  }
  return found;
}
