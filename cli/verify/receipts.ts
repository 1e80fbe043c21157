import { MessageError, verifyMessage } from '../../protocol/jws.ts';
import { receipt as message, type Receipt } from '../../protocol/messages.ts';
import { digestOf, type Evidence, eventsOf } from './evidence.ts';
import type { Report } from './report.ts';

/** Each receipt is the device’s, and the log has it; and no receipt of the log is missing. */
export function verifyReceipts(report: Report, evidence: Evidence): void {
  const { receipts } = evidence.bundle;
  for (const [place, jws] of receipts.entries()) verifyReceipt(report, evidence, place, jws);
  const here = new Set(receipts.map(digestOf));
  for (const { dig } of eventsOf(evidence, 'receipt.accepted')) {
    if (!here.has(dig))
      report.fault('receipt-missing', `the log has a receipt ${dig} that is not in the file`);
  }
}

function verifyReceipt(report: Report, evidence: Evidence, place: number, jws: string): void {
  const { device, bundle } = evidence;
  const name = `receipt ${place + 1}`;
  try {
    const claims = verifyMessage(message, jws, (kid) => (kid === device.kid ? device.key : undefined));
    report.prove(`the module says: ${tell(claims)}`, () => {
      if (claims.jti !== bundle.unlock.id || claims.sub !== bundle.unlock.hwid) {
        report.fault('receipt-forged', `${name} is about another unlock or module`);
      }
      if (!isLogged(evidence, jws, claims))
        report.fault('receipt-unlogged', `no event of the log is that of ${name}`);
    });
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    report.fault('receipt-forged', `${name}: ${error.message}`);
  }
}

function isLogged(evidence: Evidence, jws: string, { event, why, elapsed, seq, pwv }: Receipt): boolean {
  const logged = eventsOf(evidence, 'receipt.accepted').find(({ dig }) => dig === digestOf(jws));
  if (logged === undefined) return false;
  const shown = [event, why ?? null, elapsed, seq, pwv];
  return [logged.event, logged.why, logged.elapsed, logged.seq, logged.pwv].every(
    (value, place) => value === shown[place],
  );
}

function tell({ event, why, elapsed, seq }: Receipt): string {
  const after = elapsed > 0 ? ` after ${elapsed} s` : '';
  return `${event}${why === undefined ? '' : ` (${why})`}${after}, as its number ${seq}`;
}
