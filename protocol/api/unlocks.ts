import { z } from 'zod';
import { scopes } from '../claims.ts';
import { unlockStates } from '../unlock-states.ts';
import { Digest, decimal, Hwid, Id, Jws, LogPosition, Moment, Text } from './fields.ts';
import { Page } from './list.ts';
import { PrincipalName } from './principals.ts';

export const Scope = z.enum(scopes);
export const Seconds = z.int().min(1).max(604_800);
export const Ticket = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._#/-]{1,63}$/)
  .describe('Ticket the work belongs to');
export const UnlockState = z.enum(unlockStates);
export const NewUnlock = z.strictObject({
  hwid: Hwid,
  scope: Scope,
  seconds: Seconds,
  reason: Text,
  ticket: Ticket.optional(),
});
export const Unlock = z.strictObject({
  id: Id,
  hwid: Hwid,
  requester: PrincipalName,
  scope: Scope,
  /** Seconds asked for. */
  seconds: Seconds,
  reason: z.string(),
  ticket: z.string().nullable(),
  state: UnlockState,
  /** SHA-256 of the canonical JSON of what is approved. */
  digest: Digest,
  /** Approvals that are still needed. */
  approvals: z.int().min(0),
  created: Moment,
  /** The last moment at which a token can be had. */
  deadline: Moment,
  issued: Moment.nullable(),
  /** Seconds granted by the newest token. */
  granted: z.int().nullable(),
  opened: Moment.nullable(),
  closed: Moment.nullable(),
  /** The closing or refusing receipt's `why`. */
  why: z.string().nullable(),
  /** Seconds the session was open, by the module's own clock. */
  elapsed: z.int().nullable(),
  /** Tokens signed so far; more than 1 means replaced. */
  tokens: z.int().min(0),
});
export const UnlockAnswer = z.strictObject({ unlock: Unlock, log: LogPosition.nullable() });
export const UnlockQuery = Page.extend({
  hwid: Hwid.optional(),
  state: UnlockState.optional(),
  requester: PrincipalName.optional(),
});
/** Long poll: answer when the state is no longer `while`, or after `wait` seconds. */
export const UnlockWait = z.strictObject({
  wait: decimal(z.int().min(0).max(60)).default(0),
  while: UnlockState.optional(),
});
export const TokenRequest = z.strictObject({ challenge: Jws });
export const TokenAnswer = z.strictObject({ unlock: Unlock, token: Jws, log: LogPosition.nullable() });
export const PasswordAnswer = z.strictObject({
  hwid: Hwid,
  ver: z.int(),
  user: z.string(),
  password: z.string(),
  log: LogPosition,
});
