/** One line of doctor's: what was looked at, what was found, and what to do about it. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** The next step; on all but `ok`. */
  readonly next?: string;
}

/** Looks at one thing. A throw is a finding too: its message says what was found. */
export interface Probe {
  readonly name: string;
  /** The next step where it throws. */
  readonly next: string;
  look(): Promise<Omit<Finding, 'name'>> | Omit<Finding, 'name'>;
}

export function ok(detail: string): Omit<Finding, 'name'> {
  return { state: 'ok', detail };
}

export function warning(detail: string, next: string): Omit<Finding, 'name'> {
  return { state: 'warning', detail, next };
}

export function failed(detail: string, next: string): Omit<Finding, 'name'> {
  return { state: 'failed', detail, next };
}

export async function examine({ name, next, look }: Probe): Promise<Finding> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    return { name, ...failed(error instanceof Error ? error.message : String(error), next) };
  }
}
