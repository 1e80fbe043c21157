/** What a check of the log found, in words that a person reads and codes that a program does. */
export class Report {
  readonly proved: string[] = [];
  readonly faults: { readonly code: FaultCode; readonly what: string }[] = [];
  /** What this check cannot show, whatever it found. */
  readonly unproved: string[] = [];

  /** Faults beyond those that are told. */
  more = 0;

  fault(code: FaultCode, what: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push({ code, what });
    else this.more += 1;
  }
}

/** As many as a person reads; a log in which everything is wrong takes no more memory. */
const MOST_FAULTS = 50;

export type FaultCode = 'tile-wrong' | 'root-wrong' | 'entries-altered' | 'entries-unknown';

/** A report as lines, for people. */
export function reportLines(
  proved: readonly string[],
  faults: readonly string[],
  unproved: readonly string[],
): string[] {
  return [
    ...faults.map((what) => `FAULT       ${what}`),
    ...proved.map((what) => `proved      ${what}`),
    ...unproved.map((what) => `not proved  ${what}`),
  ];
}
