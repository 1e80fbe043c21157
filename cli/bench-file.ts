import { z } from 'zod';
import { Hwid, Id, Jws, Moment } from '../protocol/api/fields.ts';
import { DeviceKey } from '../protocol/api/modules.ts';
import { Scope, Seconds } from '../protocol/api/unlocks.ts';
import { Failure } from './failure.ts';
import { readText, writeFile } from './file.ts';
import { parseJson } from './home.ts';

/** Files that carry an unlock between a bench without network and a computer with it. */

/** `latchkey challenge` → `latchkey unlock --challenge`. */
export const ChallengeFile = z.strictObject({
  latchkey: z.literal('challenge/1'),
  hwid: Hwid,
  imei: z.string().regex(/^\d{15}$/),
  key: DeviceKey,
  /** Version of the key manifest that the module holds. */
  manifest: z.int().min(0),
  challenge: Jws,
  /** When the challenge was made, by the bench's clock. */
  made: Moment,
  receipts: z.array(Jws).max(64),
});
export type ChallengeFile = z.infer<typeof ChallengeFile>;

/** `latchkey unlock --challenge` → `latchkey apply`, which adds what the module says. */
export const TokenFile = z.strictObject({
  latchkey: z.literal('token/1'),
  hwid: Hwid,
  unlock: Id,
  scope: Scope,
  seconds: Seconds,
  /** Null where the module must take the manifests first, and make another challenge. */
  token: Jws.nullable(),
  /** Those newer than the one that the module holds, in order. */
  manifests: z.array(Jws).max(16),
  /** When the challenge was made, by the bench's clock. */
  made: Moment,
  receipts: z.array(Jws).max(64),
});
export type TokenFile = z.infer<typeof TokenFile>;

const BenchFile = z.union([ChallengeFile, TokenFile]);

/** @throws Failure where the file is not one of this kind */
export function readBenchFile<T extends z.ZodType>(file: string, schema: T, maker: string): z.output<T> {
  const parsed = schema.safeParse(parseJson(readText(file)));
  if (parsed.success) return parsed.data;
  throw new Failure('usage', 'file-unknown', `${file} is not a file that ${maker} wrote, or is damaged.`, {
    cause: parsed.error,
  });
}

/** A token in it is good until its nonce dies: for its owner's eyes. */
export function writeBenchFile(file: string, value: ChallengeFile | TokenFile): void {
  writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** The receipts in a file of either kind. */
export function readBenchReceipts(file: string): string[] {
  return readBenchFile(file, BenchFile, 'latchkey challenge or latchkey unlock --challenge').receipts;
}
