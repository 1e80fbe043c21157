import { canonicalJson, type Json } from '../protocol/canonical.ts';
import { decodeEvent, type EventType, type LogEvent } from '../protocol/events.ts';
import { formatDuration } from './duration.ts';
import { localTime } from './output.ts';

/** An event as the api lists it: its type may be one that this version does not know. */
export interface ListedEvent {
  readonly index: number;
  readonly event: { readonly type: string; readonly at: string; readonly by: string };
}

type Words = { readonly [T in EventType]: (event: Extract<LogEvent, { type: T }>) => string };

/** What each event says, after the name of who did it. An exclamation mark is for what must be looked into. */
const words: Words = {
  'server.initialized': ({ iss }) => `made the server ${iss}`,
  'server.started': ({ version }) => `started, version ${version}`,
  'keys.published': ({ ver }) => `published key manifest ${ver}`,

  'data-key.created': ({ key }) => `made data key ${key}, which seals from now on`,
  'data-key.removed': ({ key }) => `ended data key ${key}: nothing is sealed under it any more`,
  'kek.rotated': ({ keys }) => `wrapped ${keys.length} data key${keys.length === 1 ? '' : 's'} by a new KEK`,

  'principal.created': ({ principal, kind, roles }) => `added the ${kind} ${principal} (${roles.join(', ')})`,
  'principal.disabled': ({ principal }) => `disabled ${principal}`,
  'principal.enabled': ({ principal }) => `enabled ${principal}`,
  'enrolment.created': ({ principal, expires }) => `invited ${principal}, until ${localTime(expires)}`,
  'enrolment.redeemed': ({ principal }) => `redeemed the code of ${principal}`,
  'enrolment.misused': ({ principal }) => `! used the code of ${principal} again, with another key`,
  'certificate.issued': ({ principal, serial, expires }) =>
    `got certificate ${serial} for ${principal}, until ${localTime(expires)}`,
  'certificate.renewed': ({ principal, serial, from, expires }) =>
    `renewed certificate ${from} of ${principal} as ${serial}, until ${localTime(expires)}`,
  'certificate.revoked': ({ principal, why }) =>
    why === 'two-keys'
      ? `! revoked the certificates of ${principal}: two keys from one of them`
      : `revoked the certificates of ${principal}`,

  'order.created': ({ order, quantity, stations }) => `made order ${order}: ${asOrdered(quantity, stations)}`,
  'order.changed': ({ order, quantity, stations, why }) =>
    `changed order ${order} to ${asOrdered(quantity, stations)}: ${why}`,
  'order.closed': ({ order, why }) => `closed order ${order}: ${why}`,
  'order.reopened': ({ order, why }) => `opened order ${order} again: ${why}`,

  'bundle.issued': ({ order, most, expires }) =>
    `got the offline bundle of order ${order}: for ${most} modules, until ${localTime(expires)}`,

  'module.registered': ({ hwid, imei, order }) =>
    `registered ${hwid}${imei ? `, IMEI ${imei}` : ''}${order ? `, order ${order}` : ''}`,
  'module.bundled': ({ hwid }) => `got the first bundle of ${hwid}, which an import registered`,
  'module.labelled': ({ hwid, order, customer, model }) =>
    `labelled ${hwid}: order ${order ?? 'none'}, customer ${customer ?? 'none'}, model ${model ?? 'none'}`,
  'module.confirmed': ({ hwid }) => `confirmed ${hwid}: it is provisioned`,
  'module.certified': ({ hwid, serial, expires }) =>
    `had the TLS key of ${hwid} certified: ${serial}, until ${localTime(expires)}`,
  'module.suspended': ({ hwid, why }) => `suspended ${hwid}: ${why}`,
  'module.resumed': ({ hwid, why }) => `resumed ${hwid}: ${why}`,
  'module.retired': ({ hwid, why }) => `retired ${hwid}: ${why}`,
  'module.clone-suspected': ({ hwid, of }) =>
    of === undefined
      ? `! brought ${hwid} with a device key that is not its own`
      : `! brought ${hwid} with the device key of ${of}`,
  'module.rolled-back': ({ hwid, seq, granted }) =>
    `! brought challenge ${seq} of ${hwid}, which had got a token for ${granted}`,
  'module.seq-reset': ({ hwid }) => `let ${hwid} count from the beginning`,
  'module.foreign-token': ({ hwid, last }) =>
    `! brought ${hwid}, which named the token ${last} that this server never issued`,
  'module.cleared': ({ hwid, why }) => `cleared ${hwid}: ${why}`,

  'unlock.requested': ({ hwid, scope, seconds, reason, ticket, state }) =>
    `asked for ${scope} of ${hwid} for ${formatDuration(seconds)}: “${reason}”` +
    `${ticket ? ` (${ticket})` : ''}${state === 'waiting' ? '; needs approval' : ''}`,
  'unlock.refused': ({ hwid, scope, seconds, need }) =>
    `was refused ${scope} of ${hwid} for ${formatDuration(seconds)}: it needs ${need}`,
  'unlock.cancelled': ({ hwid }) => `took back the request for ${hwid}`,
  'unlock.issued': ({ hwid, scope, for: seconds, pw, replaces }) =>
    `got a token: ${scope} of ${hwid} for ${formatDuration(seconds)}` +
    `${replaces ? ', instead of the one before' : ''}${pw === null ? '' : `, with password ${pw}`}`,
  'unlock.expired': ({ hwid, why }) => `ended the unlock of ${hwid}: ${expiries[why]}`,
  'unlock.unaccounted': ({ hwid }) => `! lost sight of ${hwid}: no closing receipt came in time`,
  'token.refused': ({ hwid, code }) => `! was refused a token for ${hwid}: ${code}`,

  'receipt.accepted': ({ hwid, event, why, elapsed }) =>
    `brought a receipt: ${hwid} ${receipts[event]}${why ? ` (${why})` : ''}` +
    `${elapsed > 0 ? ` after ${formatDuration(elapsed)}` : ''}`,
  'password.revealed': ({ hwid, ver }) => `was shown password ${ver} of ${hwid}`,
};

const expiries = {
  'not-issued': 'no token was fetched in time',
  'never-opened': 'its token was never used',
  refused: 'the module refused its token',
};

const receipts = {
  provisioned: 'is provisioned',
  opened: 'opened',
  closed: 'closed',
  refused: 'refused its token',
};

function asOrdered(quantity: number, stations: readonly string[]): string {
  return `${quantity} modules, given to ${stations.join(', ') || 'no station'}`;
}

/** When, who, what, on what; for one line. */
export function eventLine({ index, event }: ListedEvent): string {
  const [time, place] = [localTime(event.at), String(index).padStart(7)];
  const known = decodeEvent(Buffer.from(canonicalJson(event as unknown as Json)));
  const { type, at, by, ...members } = event;
  const said = known ? sayEvent(known) : `${type} ${canonicalJson(members as Json)}`;
  return `${time}${place}  ${by.padEnd(12)}  ${said}`;
}

/** What happened, and the unlock that it happened to. */
function sayEvent(event: LogEvent): string {
  const said = (words[event.type] as (event: LogEvent) => string)(event);
  const unlock = unlockOf(event);
  return unlock === undefined ? said : `${said}  [${unlock}]`;
}

/** A receipt is about the unlock that its `jti` names, except of a bundle. */
function unlockOf(event: LogEvent): string | undefined {
  if (event.type === 'receipt.accepted') return event.event === 'provisioned' ? undefined : event.jti;
  return 'unlock' in event ? event.unlock : undefined;
}
