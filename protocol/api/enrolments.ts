import { z } from 'zod';
import { RsaPublicKey } from './certificates.ts';
import { Id, LogPosition, Moment } from './fields.ts';
import { Page } from './list.ts';
import { PrincipalName } from './principals.ts';

export const Enrolment = z.strictObject({
  id: Id,
  principal: PrincipalName,
  created: Moment,
  expires: Moment,
  state: z.enum(['pending', 'redeemed', 'withdrawn', 'expired']),
});
export const NewEnrolment = z.strictObject({ principal: PrincipalName });
export const EnrolmentAnswer = z.strictObject({
  enrolment: Enrolment,
  /** The paste for `latchkey enroll`; null once redeemed, withdrawn or expired. */
  code: z.string().nullable(),
  log: LogPosition.nullable(),
});
export const Redemption = z.strictObject({ secret: z.base64url().length(43), key: RsaPublicKey });
export const EnrolmentQuery = Page.extend({ principal: PrincipalName.optional() });
