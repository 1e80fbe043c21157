import type { Cli } from '../context.ts';
import type { ModuleChoice } from '../module.ts';
import type { Show } from './board.ts';
import type { Journal } from './journal.ts';
import type { LabelFile } from './label.ts';
import type { OfflineBundles } from './offline.ts';
import type { Scanner } from './scanner.ts';
import type { Slot } from './slot.ts';
import type { Uplink } from './uplink.ts';

/** What a run was asked to do. */
export interface Plan {
  readonly slots: readonly Slot[];
  readonly order: string;
  readonly baud: number | undefined;
  readonly trace: string | undefined;
  /** The one module meant, where there is one slot. */
  readonly meant: ModuleChoice;
  /** Modules come and go until Ctrl-C. */
  readonly watch: boolean;
  /** Nothing is written, neither to modules nor to the server. */
  readonly dryRun: boolean;
  /** Each module's own TLS key is certified too. */
  readonly tlsKey: boolean;
}

/** What the lanes of one run share. */
export interface Line {
  /** Fires at Ctrl-C: no module begins, and those under way end their step. */
  readonly cli: Cli;
  readonly plan: Plan;
  readonly uplink: Uplink;
  readonly journal: Journal;
  readonly bundles: OfflineBundles;
  readonly board: Show;
  readonly scanner: Scanner | undefined;
  readonly labels: LabelFile | undefined;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
}
