import { z } from 'zod';
import type { ProblemCode } from '../problems.ts';
import { Hwid } from './fields.ts';
import { Label, NewModule } from './modules.ts';
import { OrderName } from './orders.ts';

/** The most bytes of one line of an import, without its end. */
export const LONGEST_LINE = 4096;

/** What a module is labelled with; what is not given stays. For officers. */
export const Labels = z
  .strictObject({
    hwid: Hwid,
    customer: Label.optional(),
    model: Label.optional(),
    order: OrderName.optional(),
  })
  .refine(({ customer, model, order }) => (customer ?? model ?? order) !== undefined, {
    error: 'nothing is to be changed: give customer, model or order',
  });
/** With a device key, a module is registered; without one, what it is labelled with is changed. */
export const ImportLine = z.unknown().pipe(
  z.looseObject({}).transform((line, context) => {
    const parsed = ('key' in line ? NewModule : Labels).safeParse(line);
    if (parsed.success) return parsed.data;
    for (const { path, message } of parsed.error.issues) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
    return z.NEVER;
  }),
);
/** What became of one line, in the order of the lines; `line` counts from 1. */
export const ImportResult = z.strictObject({
  line: z.int().min(1),
  hwid: Hwid.nullable(),
  status: z.enum(['registered', 'confirmed', 'known', 'updated', 'refused']),
  /** Why refused: a problem code, and in words. */
  code: z.string().optional(),
  detail: z.string().optional(),
});

/** Refusals that are of who asks, or of the server, and not of the line: they end the answers, and the same line may be sent again. */
export const endings: ReadonlySet<string> = new Set<ProblemCode>([
  ...(['principal-disabled', 'certificate-revoked', 'certificate-expired', 'rate-limited'] as const),
  ...(['log-unavailable', 'shutting-down', 'internal-error'] as const),
]);
