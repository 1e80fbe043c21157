/** What a check of the log found, in words that a person reads and codes that a program does. */
export class Report {
  readonly proved: string[] = [];
  readonly faults: { readonly code: FaultCode; readonly what: string }[] = [];
  /** What this check cannot show, whatever it found. */
  readonly unproved: string[] = [];

  fault(code: FaultCode, what: string): void {
    this.faults.push({ code, what });
  }
}

export type FaultCode = 'tile-broken' | 'root-wrong' | 'entries-altered';

/** A report as lines, for people. */
export function reportLines(
  proved: readonly string[],
  faults: readonly string[],
  unproved: readonly string[],
): string[] {
  return [
    ...proved.map((what) => `proved      ${what}`),
    ...faults.map((what) => `FAULT       ${what}`),
    ...unproved.map((what) => `not proved  ${what}`),
  ];
}
