import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { DeviceKey, Hwid, Id, Jws, Moment, Scope, Seconds } from '../protocol/api.ts';
import { Failure } from './failure.ts';
import { isCode, parseJson } from './home.ts';

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

export function writeBenchFile(file: string, value: ChallengeFile | TokenFile): void {
  writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** The receipts in a file of either kind. */
export function readBenchReceipts(file: string): string[] {
  return readBenchFile(file, BenchFile, 'latchkey challenge or latchkey unlock --challenge').receipts;
}

export function readText(file: string): string {
  return readBytes(file).toString();
}

/** @throws Failure in words, where the system says no */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw isCode(error, 'ENOENT')
      ? new Failure('usage', 'file-missing', `There is no file ${file}.`)
      : fileFailure(`Cannot read ${file}`, error);
  }
}

/** A token in it is good until its nonce dies: for its owner's eyes. @throws Failure in words, where the system says no */
function writeFile(file: string, content: string): void {
  try {
    writeFileSync(file, content, { mode: 0o600 });
  } catch (error) {
    throw fileFailure(`Cannot write ${file}`, error);
  }
}

/** Writes a file that is not there yet, for its owner's eyes. @throws Failure in words */
export function writeNewFile(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes, { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    throw isCode(error, 'EEXIST')
      ? new Failure('usage', 'file-exists', `${file} is there already, and is not overwritten.`, {
          next: 'Choose another name with --out.',
        })
      : fileFailure(`Cannot write ${file}`, error);
  }
}

function fileFailure(what: string, error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error);
  return new Failure('failure', 'file', `${what}: ${why}.`, { cause: error });
}
