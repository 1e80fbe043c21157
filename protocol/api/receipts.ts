import { z } from 'zod';
import { Id, LogPosition } from './fields.ts';
import { UnlockState } from './unlocks.ts';

export const Receipts = z.strictObject({ receipts: z.array(z.string().max(768)).min(1).max(64) });
export const ReceiptResults = z.strictObject({
  results: z.array(
    z.strictObject({
      status: z.enum(['accepted', 'known', 'refused']),
      /** Why refused: a problem code. */
      code: z.string().nullable(),
      jti: Id.nullable(),
      /** State of the unlock it names, after it. */
      state: UnlockState.nullable(),
    }),
  ),
  log: LogPosition.nullable(),
});
