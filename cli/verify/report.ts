/** What a check of something found, in words that a person reads and codes that a program does. */
export class Report {
  readonly proved: string[] = [];
  readonly faults: { readonly code: FaultCode; readonly what: string }[] = [];
  /** What this check cannot show, whatever it found. */
  readonly unproved: string[] = [];

  fault(code: FaultCode, what: string): void {
    this.faults.push({ code, what });
  }

  /** Records what `check` proves, unless it found a fault. */
  prove(what: string, check: () => void): void {
    const before = this.faults.length;
    check();
    if (this.faults.length === before) this.proved.push(what);
  }

  lines(): string[] {
    return [
      ...this.proved.map((what) => `proved      ${what}`),
      ...this.faults.map(({ code, what }) => `FAULT       ${code}: ${what}`),
      ...this.unproved.map((what) => `not proved  ${what}`),
    ];
  }
}

export type FaultCode =
  | 'manifest-untrusted'
  | 'log-unsigned'
  | 'event-unproved'
  | 'event-foreign'
  | 'request-altered'
  | 'device-unknown'
  | 'challenge-forged'
  | 'token-forged'
  | 'token-unfit'
  | 'grant-unlogged'
  | 'grant-missing'
  | 'receipt-forged'
  | 'receipt-unlogged'
  | 'receipt-missing'
  | 'state-altered'
  | 'tile-broken'
  | 'root-wrong'
  | 'entries-altered';
