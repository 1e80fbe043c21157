import { z } from 'zod';
import { Digest, decimal, Hwid, Id, Moment } from './fields.ts';
import { Page } from './list.ts';
import { PrincipalName } from './principals.ts';

export const EventQuery = Page.extend({
  type: z.string().max(64).optional(),
  hwid: Hwid.optional(),
  unlock: Id.optional(),
  by: PrincipalName.optional(),
  from: Moment.optional(),
  to: Moment.optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  /** Long poll: answer as soon as there is an event, or after this many seconds. */
  wait: decimal(z.int().min(0).max(60)).default(0),
});
export const EventEntry = z.strictObject({
  index: z.int().min(0),
  event: z.looseObject({ type: z.string(), at: Moment, by: z.string() }),
});
/** One event with its leaf (base64url) and the proof that the checkpoint's tree holds it. */
export const ProvenEvent = z.strictObject({
  index: z.int().min(0),
  leaf: z.base64url(),
  proof: z.array(Digest),
});
export const EventAnswer = z.strictObject({ event: ProvenEvent, checkpoint: z.string() });
