import type { Client } from './client.ts';
import type { Cli } from './context.ts';
import { asFailure } from './failure.ts';
import { type Delivery, deliverReceipts, waitingReceipts } from './receipts.ts';

/** Hands the receipts that wait here to the server, and warns of those that it refuses. */
export async function deliverWaiting(cli: Cli, client: Client): Promise<Delivery[]> {
  const deliveries = await deliverReceipts(cli.home, client, waitingReceipts(cli.home));
  for (const { status, code, claims } of deliveries) {
    if (status === 'refused') cli.out.warn(`the server refused a receipt of module ${claims?.sub}: ${code}`);
  }
  return deliveries;
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
    cli.out.warn(`receipts wait here for the next contact with the server: ${failure.message}`);
  }
}
