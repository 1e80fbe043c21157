import { openEnvelope } from '../../protocol/jws.ts';
import { keyManifest } from '../../protocol/messages.ts';
import type { Finding, Proved } from '../../protocol/unlock-bundle.ts';
import { formatDuration } from '../duration.ts';

/** What a bundle without a fault proves, in words. */
export function provedWords(proved: Proved): string[] {
  const { manifests, checkpoint, events, request, dkt, grants, receipts } = proved;
  const ticket = request.ticket === null ? '' : `, ticket ${request.ticket}`;
  const asked = `${request.scope} of ${request.hwid} for ${formatDuration(request.seconds)}`;
  return [
    ...manifests.map(
      ({ jws, claims: { ver, iss } }) =>
        `key manifest ${ver} of ${iss} is signed by root ${openEnvelope(keyManifest, jws).kid}`,
    ),
    `the log key signed a log of ${checkpoint.size} events, and all ${events.length} here are in it, unchanged`,
    `it says that ${request.by} asked for ${asked}: “${request.reason}”${ticket}`,
    `device key ${dkt} is the one that ${request.hwid} was registered with before`,
    ...grants.map(
      ({ challenge, token }) =>
        `the module made challenge ${challenge.seq}, and an issuer key that it knew answered: ${token.scope} for ${formatDuration(token.for)}, by ${token.by}`,
    ),
    ...receipts.map(
      ({ event, why, elapsed, seq }) =>
        `the module says, as its number ${seq}: ${event}${why ? ` (${why})` : ''}${elapsed > 0 ? ` after ${formatDuration(elapsed)}` : ''}`,
    ),
  ];
}

/** What no bundle can prove, and what this one does not: docs/protocol.md, "Unlock bundle". */
export function unprovedWords({ grants, receipts }: Proved): string[] {
  const told = new Set(receipts.map(({ event }) => event));
  const open = grants.length > 0 && !told.has('closed');
  return [
    ...(open && !told.has('opened') ? ['whether the module was opened: no receipt says so'] : []),
    ...(open && told.has('opened') ? ['when the session ended: no receipt says so'] : []),
    'that nothing was left out: an auditor sees all with latchkey events list --unlock',
    'who sat at the keyboard, and the time of day: these are the server’s word',
    'that the device key is in that module: this is the station’s word',
    'what was done in the session',
    'that others are shown the same log: latchkey log verify',
  ];
}

export function findingWords({ check, at, what }: Finding): string {
  return at === '' ? `${check}: ${what}` : `${check}: ${at}: ${what}`;
}
