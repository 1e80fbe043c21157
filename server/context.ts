import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Keys, Sealer } from '../keys/keys.ts';
import type { Role } from '../protocol/api.ts';
import type { Config } from './config.ts';
import type { Log } from './log/log.ts';
import type { LogReader } from './log/read.ts';
import type { Policy } from './policy.ts';
import type { Database } from './store/schema.ts';

/** What the server is made of; app.ts is handed one, tests make their own. */
export interface Services {
  readonly config: Config;
  readonly keys: Keys;
  readonly sealer: Sealer;
  readonly log: Log;
  /** Reads only what is under a signed checkpoint. */
  readonly read: Kysely<Database>;
  readonly reader: LogReader;
  readonly policy: Policy;
  readonly clock: () => Date;
  readonly random: (length: number) => Uint8Array;
  readonly diagnostics: Logger;
  readonly version: string;
}

/** Who asks: the principal behind a client certificate that one middleware accepted. */
export interface Caller {
  readonly name: string;
  readonly kind: 'person' | 'station';
  readonly roles: readonly Role[];
  readonly serial: string;
  readonly lineage: string;
}
