import type { ModuleRow } from './schema.ts';

/** What modules are to their order. */
export interface Tally {
  readonly registered: number;
  readonly confirmed: number;
  readonly failed: number;
}

const tallies: Readonly<Record<ModuleRow['state'], Tally>> = {
  registered: { registered: 1, confirmed: 0, failed: 0 },
  confirmed: { registered: 1, confirmed: 1, failed: 0 },
  suspended: { registered: 1, confirmed: 1, failed: 0 },
  retired: { registered: 0, confirmed: 0, failed: 1 },
};

/** What one module of that state adds to its order's counters. */
export function tallyOf(state: ModuleRow['state']): Tally {
  return tallies[state];
}
