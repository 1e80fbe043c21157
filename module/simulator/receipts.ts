import { signMessage } from '../../protocol/jws.ts';
import { type Receipt, receipt } from '../../protocol/messages.ts';
import { readDeviceKey } from './device-key.ts';
import type { Flash } from './flash.ts';
import type { State } from './store.ts';

export type KeptReceipt = State['receipts'][number];

/** What a receipt says beside who says it, and its number. */
export type Happening = Pick<Receipt, 'jti' | 'event' | 'why' | 'dig'> &
  Partial<Pick<Receipt, 'elapsed' | 'pwv'>>;

/**
 * Signs a receipt with the device key of the moment, under the next `seq`; it is not yet kept.
 * @throws Refusal 914 where no number can be reserved
 */
export async function makeReceipt(flash: Flash, what: Happening): Promise<KeptReceipt> {
  const { jti, event, why, elapsed = 0, pwv = flash.pwv, dig } = what;
  const seq = flash.nextSeq();
  const claims: Receipt = {
    sub: flash.state.hwid,
    jti,
    event,
    ...(why !== undefined && { why }),
    elapsed,
    seq,
    pwv,
    ...(dig !== undefined && { dig }),
  };
  return { seq, jws: await signMessage(receipt, claims, readDeviceKey(flash.state.deviceKey).signer) };
}
