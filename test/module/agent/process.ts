import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

/** What the kernel says of a process (proc(5)); nothing once it is gone. */
export function status(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** The processes whose parent it is. */
export function childrenOf(pid: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).filter((one) => new RegExp(`^PPid:\t${pid}$`, 'm').test(status(one)));
}

/** The processor's time that it has had, in ticks: utime and stime of proc(5). */
export function ticks(pid: number): number {
  const words = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return Number(words[11]) + Number(words[12]);
}

/** Looks again and again, for 10 s at most. */
export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(holds());
}
