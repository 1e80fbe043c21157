import type { Desk } from './clipboard.ts';
import type { Home } from './home.ts';
import type { Output } from './output.ts';

/** What a command has to work with. */
export interface Cli {
  readonly home: Home;
  readonly out: Output;
  readonly clock: () => Date;
  /** Random UUID: Idempotency-Keys. */
  readonly uuid: () => string;
  readonly delay: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Fires at Ctrl-C; its reason is the Failure that ends the command. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** For the clipboard: where the user sits. */
  readonly desk: Desk;
}
