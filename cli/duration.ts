import { InvalidArgumentError } from 'commander';

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `15m`, `900s`, `1h30m`, or seconds alone. @returns undefined for anything else, and for nothing at all */
export function parseDuration(text: string): number | undefined {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  if (!/^(?:[1-9]\d{0,5}[dhms])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (total, [, count, unit]) => total + Number(count) * units[unit as keyof typeof units],
    0,
  );
}

/** For commander: seconds. @throws InvalidArgumentError */
export function durationOption(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new InvalidArgumentError('Write a duration as 15m, 900s or 1h30m.');
  return seconds;
}

/** `15 min`, `1 h 30 min`, `42 s`: at most two units, the smaller one left out where it is nothing. */
export function formatDuration(seconds: number): string {
  const names = { d: 'd', h: 'h', m: 'min', s: 's' } as const;
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / units[unit]);
    rest -= count * units[unit];
    if (count > 0) parts.push(`${count} ${names[unit]}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
