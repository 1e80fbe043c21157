import type { Stage } from './stage.ts';

/** A module that runs, as the story needs it. */
export interface DemoModule {
  readonly hwid: string;
  /** Paths of its pseudo-terminals. */
  readonly at: string;
  readonly console: string;
}

export interface ModuleSetup {
  /** The demo's directory, in which the commands are run. */
  readonly dir: string;
  /** A file in it: the two root keys of the firmware, as a JSON array of JWKs. */
  readonly roots: string;
  readonly hwid: string;
  readonly imei: string;
}

export type MakeModule = (stage: Stage, setup: ModuleSetup) => Promise<DemoModule>;
