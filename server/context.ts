import type { Kysely } from 'kysely';
import type { Logger } from 'pino';
import type { Keys, Sealer } from '../keys/keys.ts';
import type { Role } from '../protocol/api/principals.ts';
import type { SERVER } from '../protocol/events.ts';
import type { Config } from './config.ts';
import type { Committed, Log, Tx } from './log/log.ts';
import type { LogReader } from './log/read.ts';
import type { RateLimit } from './middleware/rate.ts';
import type { Crypt } from './passwords.ts';
import type { Policy } from './policy.ts';
import type { Database } from './store/schema.ts';

/** What the server is made of; app.ts is handed one, tests make their own. */
export interface Services {
  readonly config: Config;
  readonly keys: Keys;
  readonly sealer: Sealer;
  /** To listen to, and to ask whether it can be written. */
  readonly log: Omit<Log, 'commit'>;
  readonly commit: Commit;
  /** Reads only what is under a signed checkpoint. */
  readonly read: Kysely<Database>;
  readonly reader: LogReader;
  readonly policy: Policy;
  readonly clock: () => Date;
  readonly random: (length: number) => Uint8Array;
  /** What each principal may ask for in how much time, by name. */
  readonly callers: RateLimit;
  /** Hashes passwords for modules. */
  readonly crypt: Crypt;
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
  /** When their certificate does, in milliseconds since 1970; infinite for renewal, which may come later. */
  readonly ends: number;
}

/** Whose word a commit carries out: somebody's who asked, or the server's own. */
export type Author = Caller | typeof SERVER;

/**
 * Runs `fn` in the next transaction, as log/log.ts says, where its author may still act then.
 * @throws Problem `log-unavailable`; `principal-disabled`, `certificate-revoked`, `certificate-expired`
 */
export type Commit = <T>(author: Author, fn: (tx: Tx) => Promise<T>) => Promise<Committed<T>>;
