import { hash } from 'node:crypto';
import { z } from 'zod';
import { ReceiptResults } from '../protocol/api/receipts.ts';
import { decodePayload, MessageError, openEnvelope } from '../protocol/jws.ts';
import { type Receipt, receipt } from '../protocol/messages.ts';
import type { Client } from './client.ts';
import type { Home } from './home.ts';
import type { ModuleClient } from './port/module.ts';

/** Where receipts wait, one to a file, until a server has taken them. */
const WAITING = 'receipts';
const MARKS = 'receipts-taken.json';

/**
 * By hardware ID: the highest `seq` in any list that the module gave, and the highest in such a list that
 * the server has taken, which the module is not asked for again. A receipt that came by itself moves
 * neither: between it and the list there may be others.
 */
const Marks = z.record(z.string(), z.strictObject({ listed: z.int().min(0), taken: z.int().min(0) }));

/** Most receipts in one upload. */
const BATCH = 64;

export type ReceiptResult = ReturnType<typeof ReceiptResults.parse>['results'][number];

export interface Delivery extends ReceiptResult {
  readonly jws: string;
  /** What it says; its signature is for the server to check. Undefined where it is no receipt. */
  readonly claims: Receipt | undefined;
}

/** Fetches a module's receipts that the server does not have yet, and keeps them until it does. */
export async function collectReceipts(home: Home, module: ModuleClient): Promise<string[]> {
  const { hwid } = module.found;
  const { taken = 0, listed = 0 } = home.readJson(MARKS, Marks)?.[hwid] ?? {};
  const receipts = await module.receipts(taken);
  keepReceipts(home, receipts);
  const highest = Math.max(listed, ...receipts.map((jws) => claimsOf(jws)?.seq ?? 0));
  const marks = home.readJson(MARKS, Marks) ?? {};
  if (highest > listed) home.writeJson(MARKS, { ...marks, [hwid]: { taken, listed: highest } });
  return receipts;
}

export function keepReceipts(home: Home, receipts: readonly string[]): void {
  for (const jws of receipts) home.write(nameOf(jws), jws);
}

/** The receipts that wait here, each module's in the order in which it made them. */
export function waitingReceipts(home: Home): string[] {
  const waiting = home.list(WAITING).flatMap((name) => home.read(`${WAITING}/${name}`) ?? []);
  return waiting
    .map((jws) => ({ jws, sub: claimsOf(jws)?.sub ?? '', seq: claimsOf(jws)?.seq ?? 0 }))
    .sort((a, b) => (a.sub === b.sub ? a.seq - b.seq : a.sub < b.sub ? -1 : 1))
    .map(({ jws }) => jws);
}

/**
 * Hands receipts to the server. Those that it takes, or refuses for good, wait no longer.
 * @throws Failure where the server could not be reached: all of them wait on
 */
export async function deliverReceipts(home: Home, client: Client, receipts: readonly string[]) {
  const deliveries: Delivery[] = [];
  for (let from = 0; from < receipts.length; from += BATCH) {
    const batch = receipts.slice(from, from + BATCH);
    const { results } = await client.post('/v1/receipts', ReceiptResults, { receipts: batch });
    for (const [place, result] of results.entries()) {
      const jws = batch[place];
      if (jws !== undefined) deliveries.push({ ...result, jws, claims: claimsOf(jws) });
    }
  }
  forget(home, deliveries);
  return deliveries;
}

/** Reads a receipt without its key. */
export function claimsOf(jws: string): Receipt | undefined {
  try {
    return decodePayload(receipt, openEnvelope(receipt, jws).payload);
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}

function forget(home: Home, deliveries: readonly Delivery[]): void {
  const marks = home.readJson(MARKS, Marks) ?? {};
  const before = JSON.stringify(marks);
  for (const { jws, claims, status } of deliveries) {
    home.remove(nameOf(jws));
    // What the server has not checked must not keep later receipts from being asked for.
    if (claims === undefined || status === 'refused') continue;
    const mark = marks[claims.sub];
    if (mark !== undefined && claims.seq <= mark.listed) mark.taken = Math.max(mark.taken, claims.seq);
  }
  if (JSON.stringify(marks) !== before) home.writeJson(MARKS, marks);
}

function nameOf(jws: string): string {
  return `${WAITING}/${hash('sha256', jws, 'hex').slice(0, 32)}.jwt`;
}
