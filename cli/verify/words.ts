import type { Receipt } from '../../protocol/messages.ts';
import type { Finding, Proved } from '../../protocol/unlock-bundle.ts';

/** What a bundle without a fault proves, in words. */
export function provedWords({
  manifests,
  checkpoint,
  events,
  request,
  dkt,
  grants,
  receipts,
}: Proved): string[] {
  const { ver, iss } = manifests.at(-1)?.claims ?? { ver: 0, iss: '' };
  const tokens = grants.length === 1 ? 'the token answers' : `each of the ${grants.length} tokens answers`;
  return [
    `the key manifests lead from the roots trusted here to manifest ${ver} of ${iss}`,
    `the checkpoint over ${checkpoint.size} events is signed by the log key of ${checkpoint.origin}`,
    `each of the ${events.length} events stands in that log, byte for byte`,
    `${request.by} asked for ${request.scope} on ${request.hwid} for ${request.seconds} s: “${request.reason}”`,
    `the device key ${dkt} is the one that ${request.hwid} was registered with`,
    ...(grants.length === 0
      ? []
      : [`${tokens} a challenge of the device, grants no more than was asked for, and is in the log`]),
    ...receipts.map((receipt) => `the module says: ${receiptWords(receipt)}`),
  ];
}

/** What no bundle can prove: docs/protocol.md, "Unlock bundle". */
export const unprovedWords: readonly string[] = [
  'that nothing was left out after the last event here: an auditor’s latchkey log verify reads the whole log',
  'that others are shown the same log: compare the checkpoint with theirs',
  'who sat at the keyboard, the time of day (it is the server’s clock), and what was done in the session',
];

export function findingWords({ check, at, what }: Finding): string {
  return at === '' ? `${check}: ${what}` : `${check}: ${at}: ${what}`;
}

function receiptWords({ event, why, elapsed, seq }: Receipt): string {
  const after = elapsed > 0 ? ` after ${elapsed} s` : '';
  return `${event}${why === undefined ? '' : ` (${why})`}${after}, as its number ${seq}`;
}
