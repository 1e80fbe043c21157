import { VERSIONS } from './advice.ts';
import type { Client } from './client.ts';
import type { Cli } from './context.ts';
import { asFailure } from './failure.ts';
import { type Delivery, deliverReceipts, waitingReceipts } from './receipts.ts';

/** Why a receipt was refused, and what to do next: of each, the api says no more than the problem code. */
const refusals: Readonly<Record<string, string>> = {
  'receipt-unknown':
    'it knows no module with that device key, or gave it another bundle. ' +
    'If the module should belong to this server, provision it: latchkey provision. If not, its own server takes the receipt.',
  'invalid-message':
    'it is not as the module signed it. ' +
    'Fetch it from the module again: latchkey receipts --port PORT. If that does not help, tell an officer.',
};

/** Hands the receipts that wait here to the server, and warns of those that it refuses. */
export async function deliverWaiting(cli: Cli, client: Client): Promise<Delivery[]> {
  const deliveries = await deliverReceipts(cli.home, client, waitingReceipts(cli.home));
  for (const delivery of deliveries) if (delivery.status === 'refused') cli.out.warn(refusal(delivery));
  return deliveries;
}

function refusal({ claims, code }: Delivery): string {
  const which =
    claims === undefined
      ? 'what is no receipt'
      : `receipt ${claims.seq} (${claims.event}) of module ${claims.sub}`;
  return `the server refused ${which}: ${refusals[code ?? ''] ?? `${code}. ${VERSIONS}`}`;
}

/**
 * For what follows something that is done and cannot be undone: where the server cannot be reached,
 * receipts wait for the next contact. What is wrong with the log is not put off.
 */
export async function postponing(cli: Cli, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const failure = asFailure(error);
    if (failure.exit === 'verification' || failure.exit === 'interrupted') throw failure;
    const none = waitingReceipts(cli.home).length === 0;
    const left = none
      ? 'no receipts wait here, and the server could not be asked'
      : 'receipts wait here for the next contact with the server';
    cli.out.warn(`${left}: ${failure.message}`);
  }
}
