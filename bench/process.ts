import { readFileSync } from 'node:fs';

/** Linux counts CPU time in these (USER_HZ, proc(5)). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its threads, or of `thread-self` (proc(5), stat fields 14, 15). */
export function cpuSeconds(pid: number | 'thread-self' | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident, in MiB. */
export function memory(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
