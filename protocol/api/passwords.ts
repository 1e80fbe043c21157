import { z } from 'zod';
import { Hwid, Id, Moment } from './fields.ts';
import { Page } from './list.ts';

/** Why nobody can say which password of a module is in force, or whether it is one of ours. */
export const Doubt = z.enum(['unanswered', 'no-password', 'not-held', 'went-back']);
export const DoubtQuery = Page.extend({ why: Doubt.optional() });
/** A module whose password version is in doubt. */
export const DoubtfulPassword = z.strictObject({
  hwid: Hwid,
  why: Doubt,
  /** The version in force by the module's newest signed word; 0 where it has none. */
  reported: z.int().nullable(),
  /** The highest version that was ever sent to it. */
  sent: z.int(),
  since: Moment,
  /** Of `unanswered`: the unlock whose token carries the password. */
  unlock: Id.nullable(),
});
