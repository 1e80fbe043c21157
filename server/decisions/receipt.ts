import type { Receipt } from '../../protocol/messages.ts';
import type { UnlockRow } from '../store/schema.ts';

/** The part of an unlock that receipts move. */
export type Session = Pick<UnlockRow, 'state' | 'opened' | 'closed' | 'why' | 'elapsed'>;

/**
 * What a receipt makes of the unlock whose token it names. They come in any order; a closing one
 * decides, also where `opened` is on its way yet, and where time had left the unlock unaccounted.
 * @param grantedSeq `seq` of the challenge that the newest token answered
 * @param now RFC 3339
 */
export function afterReceipt(session: Session, receipt: Receipt, grantedSeq: number, now: string): Session {
  const { state } = session;
  switch (receipt.event) {
    case 'opened':
      return { ...session, opened: session.opened ?? now, state: state === 'issued' ? 'open' : state };
    case 'closed': {
      if (state !== 'issued' && state !== 'open' && state !== 'unaccounted') return session;
      return { ...session, state: 'closed', closed: now, why: receipt.why ?? null, elapsed: receipt.elapsed };
    }
    case 'refused': {
      // One below is of an earlier challenge: the newest token, which replaced that one's, is still good.
      const undecided = state === 'issued' || state === 'unaccounted';
      if (!undecided || session.opened !== null || receipt.seq <= grantedSeq) return session;
      return { ...session, state: 'expired', why: receipt.why ?? null };
    }
    case 'provisioned':
      return session;
  }
}
