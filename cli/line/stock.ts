import { OfflineBundle, Order } from '../../protocol/api/orders.ts';
import type { Client } from '../client.ts';
import type { Cli } from '../context.ts';
import { asFailure } from '../failure.ts';
import { deliverJournal, type Told } from './delivery.ts';
import type { Journal } from './journal.ts';
import type { Plan } from './line.ts';
import type { OfflineBundles } from './offline.ts';
import { isOutage } from './outage.ts';
import type { Tally } from './tally.ts';
import type { Greeting } from './uplink.ts';

/** What this computer keeps for when there is no server. */
export interface Stock {
  readonly journal: Journal;
  readonly bundles: OfflineBundles;
}

/** While there is a server: keys and the order's offline bundle are fetched, and the journal is delivered. */
export function greeting(
  cli: Cli,
  { dryRun, order }: Plan,
  { journal, bundles }: Stock,
  tally: Tally,
): Greeting {
  const idle = async () => {};
  if (dryRun) return { greet: idle, deliver: idle, part: idle };
  const said = new Set<string>();
  // Why there is none is the same at the end of a run as at its beginning.
  const refused = (why: string) => {
    if (!said.has(why)) cli.out.warn(`there is no offline bundle for an outage: ${why}`);
    said.add(why);
  };
  return {
    async greet(session) {
      await session.refreshed();
      await fetchBundle(session.client, order, bundles, refused);
    },
    async deliver({ client }) {
      let taken = 0;
      const told: Told = ({ hwid }, refusal) => {
        if (refusal === undefined) {
          taken += 1;
          tally.delivered(hwid);
        } else cli.out.warn(`module ${hwid} of the journal was refused, and lies aside: ${refusal.message}`);
      };
      await deliverJournal(journal, client, cli.clock, told);
      if (taken > 0) cli.out.warn(`delivered from the journal: ${taken} module${taken === 1 ? '' : 's'}`);
    },
    // What was made has its place in the order now.
    part: ({ client }) => fetchBundle(client, order, bundles, refused),
  };
}

/** A refusal, as of an order that has all its modules, leaves the line at work while the server answers. */
async function fetchBundle(
  client: Client,
  order: string,
  bundles: OfflineBundles,
  refused: (why: string) => void,
): Promise<void> {
  try {
    const { jti, bundle, expires, most, taken } = await client.post(
      `/v1/orders/${order}/bundle`,
      OfflineBundle,
    );
    const { quantity, registered } = await client.get(`/v1/orders/${order}`, Order);
    // The bundle was made for what the order lacked then; others, and this line, have made modules since.
    const left = Math.max(Math.min(most - taken, quantity - registered), 0);
    bundles.keep({ order, jti, bundle, expires, left });
  } catch (error) {
    if (isOutage(error)) throw error;
    refused(asFailure(error).message);
  }
}
