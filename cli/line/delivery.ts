import { ModuleAnswer, RegisteredModule } from '../../protocol/api/modules.ts';
import type { Client } from '../client.ts';
import { asFailure, type Failure } from '../failure.ts';
import type { Entry, Journal } from './journal.ts';

/** Refusals of one entry; any other is of whoever delivers, or of the moment, and is tried again. */
const ofEntry: ReadonlySet<string> = new Set([
  'invalid-request',
  'invalid-message',
  'module-exists',
  'module-inactive',
  'module-unknown',
  'receipt-unknown',
  'order-unknown',
  'order-closed',
  'order-not-yours',
  'order-full',
  'order-mismatch',
]);

export function isOfEntry(error: unknown): boolean {
  const { exit, code } = asFailure(error);
  return exit === 'refused' && ofEntry.has(code);
}

/** Of each entry whether the server took it: undefined, or refused it for good, so that it lies aside. */
export type Told = (entry: Entry, refusal: Failure | undefined) => void;

/**
 * Hands the entries that wait to the server, one after the other. Each goes once the server has said that
 * it has it, so a cut delivers it again, which changes nothing.
 * @throws Failure where it is none of the entry's: this entry and those after it wait on
 */
export async function deliverJournal(journal: Journal, client: Client, now: () => Date, told: Told) {
  for (const entry of journal.waiting()) {
    try {
      await deliverEntry(client, entry);
      journal.remove(entry);
      told(entry, undefined);
    } catch (error) {
      if (!isOfEntry(error)) throw error;
      const refusal = asFailure(error);
      journal.refuse(entry, refusal, now());
      told(entry, refusal);
    }
  }
}

/** What the server does with it is idempotent: hardware ID, device key and receipt are its name there. */
export async function deliverEntry(client: Client, entry: Entry) {
  const { hwid, imei, order, key, receipt } = entry;
  if (!entry.offline) {
    return (await client.post(`/v1/modules/${hwid}/confirm`, ModuleAnswer, { receipt })).module;
  }
  const body = { hwid, imei, order, key, receipt };
  return (await client.post('/v1/modules', RegisteredModule, body)).module;
}
