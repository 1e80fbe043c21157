import { rootsPresent } from '../keys/places.ts';
import type { Services } from './context.ts';
import type { Running } from './listeners.ts';
import { readHead } from './log/tree.ts';

/** What monitoring asks for beside the requests: docs/operations.md says which of them should wake somebody. */
export function addGauges({ metrics, identity }: Running, { config, log, read }: Services): void {
  metrics.gauge('latchkey_log_available', '1 while the log can be written; at 0 nothing is granted.', () =>
    Number(log.available),
  );
  metrics.gauge('latchkey_log_events', 'Events under the newest signed checkpoint.', async () => {
    return (await readHead(read))?.size ?? 0;
  });
  metrics.gauge(
    'latchkey_modules_flagged',
    'Modules that hold a token which this server never issued: an issuer key may have leaked.',
    async () => {
      const { flagged } = await read
        .selectFrom('modules')
        .select((row) => row.fn.countAll<number>().as('flagged'))
        .where('foreign_token', 'is not', null)
        .executeTakeFirstOrThrow();
      return flagged;
    },
  );
  metrics.gauge('latchkey_modules_suspected', 'Modules of which a clone is suspected.', async () => {
    const { suspected } = await read
      .selectFrom('modules')
      .select((row) => row.fn.countAll<number>().as('suspected'))
      .where('suspected', 'is not', null)
      .executeTakeFirstOrThrow();
    return suspected;
  });
  metrics.gauge(
    'latchkey_passwords_doubtful',
    'Modules of which it is not known which password is in force.',
    async () => {
      const { doubtful } = await read
        .selectFrom('doubts')
        .select((row) => row.fn.countAll<number>().as('doubtful'))
        .executeTakeFirstOrThrow();
      return doubtful;
    },
  );
  metrics.gauge(
    'latchkey_unlocks_unaccounted',
    'Unlocks without a closing receipt, past their time.',
    async () => {
      const { unaccounted } = await read
        .selectFrom('unlocks')
        .select((row) => row.fn.countAll<number>().as('unaccounted'))
        .where('state', '=', 'unaccounted')
        .executeTakeFirstOrThrow();
      return unaccounted;
    },
  );
  metrics.gauge('latchkey_certificate_ends', 'End of the api’s certificate, in seconds since 1970.', () => {
    return Math.floor(identity.notAfter.getTime() / 1000);
  });
  metrics.gauge('latchkey_roots_present', '1 while a root private key can be read here.', () =>
    Number(rootsPresent(config)),
  );
  metrics.gauge('latchkey_resident_bytes', 'Resident memory of the process.', () =>
    process.memoryUsage.rss(),
  );
}
