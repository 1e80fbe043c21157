import { z } from 'zod';
import { decimal } from './fields.ts';

/** A list's cursor and length; `next` in the answer is the `after` of the next page. */
export const Page = z.strictObject({
  limit: decimal(z.int().min(1).max(500)).default(50),
  after: z.string().max(128).optional(),
});

export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() });
}
