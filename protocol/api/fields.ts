import { z } from 'zod';

/**
 * What the api's resources share. Their schemas are what the server validates with, what openapi.json is
 * made from, and what the CLI checks answers with. Times are RFC 3339 in UTC; seconds are whole.
 */

export const Hwid = z
  .string()
  .regex(/^[A-Z0-9._-]{8,64}$/)
  .describe('Hardware ID, as the module reports it');
export const Id = z.uuid({ version: 'v7' });
export const Digest = z.base64url().length(43).describe('SHA-256, base64url');
export const Moment = z.iso.datetime();
export const Jws = z
  .string()
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  .max(8192);
/** Free text a person wrote: no control characters, so that it is safe to print anywhere. */
export const Text = z
  .string()
  .trim()
  .min(1, 'it is empty')
  .max(500, 'it is longer than 500 characters')
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'control characters are not allowed');
/**
 * Where in the log an answer's event stands: its index, and the size of the tree that holds it.
 * Null where the answer repeats an earlier one, so that nothing was written.
 */
export const LogPosition = z.strictObject({ index: z.int().min(0), size: z.int().min(1) });

/** A number in a path or query. Number() alone would take `0x10`, ` 5 ` and the empty string too. */
export function decimal<T extends z.ZodType>(number: T) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : text),
    number,
  );
}
