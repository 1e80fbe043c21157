import type { z } from 'zod';
import type { Module } from '../../protocol/api/modules.ts';
import type { Failure } from '../failure.ts';
import type { Slot } from './slot.ts';

/** Where a slot is; each is a word of the live table. */
export const steps = {
  empty: 'no module',
  looking: 'looking',
  scanning: 'scan its IMEI',
  registering: 'registering',
  keys: 'handing over keys',
  bundle: 'handing over bundle',
  confirming: 'confirming',
  tlsKey: 'TLS key',
  journal: 'into the journal',
  done: 'done',
  failed: 'failed',
} as const;
export type Step = keyof typeof steps;

/** What became of one module: one NDJSON record for the line's own system. */
export interface Outcome {
  readonly slot: Slot;
  /** Undefined where no module said who it is. */
  readonly hwid: string | undefined;
  readonly imei: string | undefined;
  readonly order: string | undefined;
  readonly status: Status;
  /** The module was provisioned before this run. */
  readonly already: boolean;
  /** From the first look at it. */
  readonly seconds: number;
  /** The module's own, signed. */
  readonly receipt: string | undefined;
  /** As the server has it. */
  readonly module: z.output<typeof Module> | undefined;
  /** With --dry-run: what would have been done. */
  readonly would: string | undefined;
  readonly failure: Failure | undefined;
}

/**
 * `journaled`: the module is provisioned, and its receipt waits in the journal for the server.
 * `looked`: --dry-run.
 */
export type Status = 'confirmed' | 'journaled' | 'looked' | 'failed';

/** The record as it is printed; members that have no value are left out. */
export function recordOf(outcome: Outcome): Record<string, unknown> {
  const { slot, hwid, imei, order, status, already, would, receipt, module, failure } = outcome;
  return {
    ...{ slot: slot.name, port: slot.port, hwid, imei, order, status, already, would },
    seconds: Number(outcome.seconds.toFixed(3)),
    error: failure && { code: failure.code, message: failure.message, next: failure.next },
    ...{ receipt, module },
  };
}

/** The same as a sentence. */
export function sentenceOf({ hwid, imei, status, already, would, failure }: Outcome): string {
  if (failure !== undefined) return `${hwid === undefined ? '' : `Module ${hwid}: `}${failure.message}`;
  const who = `Module ${hwid} (IMEI ${imei})`;
  if (status === 'looked') return `${who}: ${would}`;
  if (status === 'journaled')
    return `${who} is provisioned; its receipt waits in the journal for the server.`;
  return `${who} ${already ? 'was provisioned before, and is confirmed' : 'is provisioned'}.`;
}
