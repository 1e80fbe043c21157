import type { Cli } from '../context.ts';
import { deliverJournal } from './delivery.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './line.ts';
import type { OfflineBundles } from './offline.ts';
import type { Greeting } from './uplink.ts';

/** What this computer keeps for when there is no server. */
export interface Stock {
  readonly journal: Journal;
  readonly bundles: OfflineBundles;
}

/** While there is a server: keys and offline bundle are fetched, and the journal is delivered. */
export function greeting(cli: Cli, plan: Plan, { journal }: Stock): Greeting {
  const idle = async () => {};
  if (plan.dryRun) return { greet: idle, deliver: idle };
  return {
    async greet(session) {
      await session.refreshed();
    },
    async deliver({ client }) {
      let taken = 0;
      await deliverJournal(journal, client, cli.clock, ({ hwid }, refusal) => {
        if (refusal === undefined) taken += 1;
        else
          cli.out.warn(
            `the server refused module ${hwid} of the journal: ${refusal.message} It lies aside: latchkey journal list`,
          );
      });
      if (taken > 0) cli.out.warn(`${taken} modules of the journal are delivered`);
    },
  };
}
