import type { EventType, LogEvent } from '../../protocol/events.ts';
import type { ModuleRow } from '../store/schema.ts';
import type { Members, Scratch } from '../store/scratch.ts';
import { type Tally, tallyOf } from '../store/tally.ts';

type EventOf<T extends EventType> = Extract<LogEvent, { type: T }>;
type Effects = { readonly [T in EventType]: (event: EventOf<T>, rows: Scratch) => void };

/** The event tells what happened and leaves no state. */
const nothing = () => {};

/** What each event does to the state tables, as far as the event says it. */
const effects: Effects = {
  'server.initialized': nothing,
  'server.started': nothing,
  'keys.published': ({ ver, dig }, rows) => rows.merge('manifests', String(ver), { digest: dig }),

  'data-key.created': nothing,
  'data-key.removed': nothing,
  'kek.rotated': nothing,

  'principal.created': ({ principal, kind, roles }, rows) =>
    rows.merge('principals', principal, { kind, roles: JSON.stringify(roles), state: 'enabled' }),
  'principal.disabled': ({ principal }, rows) => {
    rows.merge('principals', principal, { state: 'disabled' });
    withdrawCodes(principal, rows);
  },
  'principal.enabled': ({ principal }, rows) => rows.merge('principals', principal, { state: 'enabled' }),
  'enrolment.created': ({ enrolment, principal, by, expires }, rows) => {
    rows.merge('enrolments', enrolment, { principal, expires, redeemed_serial: null, withdrawn: 0 });
    for (const name of new Set([principal, by])) addCode(name, enrolment, rows);
  },
  'enrolment.redeemed': nothing,
  'enrolment.misused': nothing,
  'certificate.issued': (event, rows) => {
    // The first certificate of a lineage is what the enrolment of that id was redeemed for.
    if (rows.get('enrolments', event.lineage) !== undefined) {
      rows.merge('enrolments', event.lineage, { redeemed_serial: event.serial });
    }
    addCertificate(event, null, rows);
  },
  'certificate.renewed': (event, rows) => {
    rows.merge('certificates', event.from, { state: 'renewed' });
    addCertificate(event, event.from, rows);
  },
  'certificate.revoked': ({ principal, lineage }, rows) => {
    for (const serial of serialsOf(lineage, rows)) rows.merge('certificates', serial, { state: 'revoked' });
    withdrawCodes(principal, rows);
  },

  'order.created': ({ order, quantity, stations }, rows) => {
    const counted = rows.get('order counts', order) ?? tallyOfNone;
    rows.merge('orders', order, { quantity, closed: 0, ...counted });
    giveTo(order, stations, rows);
  },
  'order.changed': ({ order, quantity, stations }, rows) => {
    rows.merge('orders', order, { quantity });
    giveTo(order, stations, rows);
  },
  'order.closed': ({ order }, rows) => rows.merge('orders', order, { closed: 1 }),
  'bundle.issued': ({ order, station, jti, dig, kid, most, expires }, rows) =>
    rows.merge('offline_bundles', jti, { order, station, digest: dig, kid, most, expires, taken: 0 }),
  'order.reopened': ({ order }, rows) => rows.merge('orders', order, { closed: 0 }),

  'module.registered': (event, rows) => {
    const { hwid, imei, order, customer = null, model = null, dkt, jti, dig = '', ver, state } = event;
    moveModule(hwid, { order, state }, rows);
    rows.merge('modules', hwid, {
      ...{ imei, customer, model, dkt, bundle_jti: jti, bundle_digest: dig },
      ...{ foreign_token: null, cleared_token: null, suspected: 0, granted_seq: 0 },
    });
    // Made during an outage, it has no password yet, and counts in the bundle that it was made with.
    if (ver > 0) rows.merge('passwords', keyOf(hwid, ver), { revealed: 0 });
    const taken = rows.get('offline_bundles', jti)?.['taken'];
    if (taken !== undefined) rows.merge('offline_bundles', jti, { taken: Number(taken) + 1 });
  },
  'module.bundled': ({ hwid, dig }, rows) => rows.merge('modules', hwid, { bundle_digest: dig }),
  'module.certified': ({ hwid, dkt, key, serial, expires, dig }, rows) =>
    rows.merge('tls_certificates', keyOf(hwid, key), { dkt, serial, not_after: expires, digest: dig }),
  'module.labelled': ({ hwid, order, customer, model }, rows) =>
    moveModule(hwid, { order, customer, model }, rows),
  'module.confirmed': ({ hwid, state }, rows) => moveModule(hwid, { state }, rows),
  'module.suspended': ({ hwid, state }, rows) => moveModule(hwid, { state }, rows),
  'module.resumed': ({ hwid, state }, rows) => moveModule(hwid, { state }, rows),
  'module.retired': ({ hwid, state }, rows) => moveModule(hwid, { state, suspected: 0 }, rows),
  'module.clone-suspected': ({ hwid, of = hwid }, rows) => rows.merge('modules', of, { suspected: 1 }),
  'module.rolled-back': nothing,
  'module.seq-reset': ({ hwid }, rows) => rows.merge('modules', hwid, { granted_seq: 0 }),
  'module.foreign-token': ({ hwid, last }, rows) => rows.merge('modules', hwid, { foreign_token: last }),
  'module.cleared': ({ hwid }, rows) => {
    const { foreign_token = null, cleared_token = null } = rows.get('modules', hwid) ?? {};
    const cleared = { cleared_token: foreign_token ?? cleared_token };
    rows.merge('modules', hwid, { foreign_token: null, ...cleared, suspected: 0 });
  },

  'unlock.requested': ({ unlock, hwid, by: requester, scope, seconds, reason, ticket, dig, state }, rows) =>
    rows.merge('unlocks', unlock, {
      ...{ hwid, requester, scope, seconds, reason, ticket, digest: dig, state },
      ...{ granted: null, why: null, elapsed: null },
    }),
  'unlock.refused': nothing,
  'unlock.cancelled': ({ unlock, state }, rows) => rows.merge('unlocks', unlock, { state }),
  'unlock.issued': (event, rows) => {
    const { unlock, hwid, seq, pw, state } = event;
    const turn = Number(rows.get('turns', unlock)?.['next'] ?? 0);
    rows.merge('turns', unlock, { next: turn + 1 });
    rows.merge('unlocks', unlock, { state, granted: event.for });
    rows.merge('grants', keyOf(unlock, turn), grantOf(event));
    rows.merge('modules', hwid, { granted_seq: seq });
    if (pw !== null) rows.merge('passwords', keyOf(hwid, pw), { revealed: 0 });
  },
  'unlock.expired': ({ unlock, state }, rows) => rows.merge('unlocks', unlock, { state }),
  'unlock.unaccounted': ({ unlock, state }, rows) => rows.merge('unlocks', unlock, { state }),
  'token.refused': nothing,

  'receipt.accepted': ({ hwid, jti, event, seq, why, elapsed, pwv, dig, state }, rows) => {
    rows.merge('receipts', keyOf(hwid, jti, event, seq), { why, elapsed, pwv, digest: dig });
    if (state === null) return;
    const moved = rows.get('unlocks', jti)?.['state'] !== state;
    rows.merge('unlocks', jti, {
      state,
      // The receipt that closed the session, or refused the token, is the one whose words stand.
      ...(moved && event === 'closed' && { why, elapsed }),
      ...(moved && event === 'refused' && { why }),
    });
  },
  'password.revealed': ({ hwid, ver }, rows) => rows.merge('passwords', keyOf(hwid, ver), { revealed: 1 }),
};

/**
 * Does to `rows` what an event did to the state tables. The server decides from its tables and never
 * from here; `check` compares the two (DESIGN section 6, order rule 4).
 */
export function replay(event: LogEvent, rows: Scratch): void {
  const effect = effects[event.type] as (event: LogEvent, rows: Scratch) => void;
  effect(event, rows);
}

/** A row's primary key in words; none of its parts holds a space. */
export function keyOf(...parts: (string | number)[]): string {
  return parts.join(' ');
}

const tallyOfNone: Tally = { registered: 0, confirmed: 0, failed: 0 };

/** A module where it stands now, counted there and no longer where it stood. */
function moveModule(hwid: string, to: Members, rows: Scratch): void {
  count(rows.get('modules', hwid), -1, rows);
  rows.merge('modules', hwid, to);
  count(rows.get('modules', hwid), 1, rows);
}

/** Counted before there is an order of the name, too: see store/orders.ts. */
function count(module: Members | undefined, sign: 1 | -1, rows: Scratch): void {
  const order = module?.['order'];
  if (typeof order !== 'string') return;
  const tally = tallyOf(module?.['state'] as ModuleRow['state']);
  const before = { ...tallyOfNone, ...rows.get('order counts', order) };
  const counted = {
    registered: before.registered + sign * tally.registered,
    confirmed: before.confirmed + sign * tally.confirmed,
    failed: before.failed + sign * tally.failed,
  };
  rows.merge('order counts', order, counted);
  if (rows.get('orders', order) !== undefined) rows.merge('orders', order, counted);
}

/** The stations of an order are those that its last event names. */
function giveTo(order: string, stations: readonly string[], rows: Scratch): void {
  const before = rows.get('given', order)?.['stations'];
  for (const station of String(before ?? '').split(' ')) rows.remove('order_stations', keyOf(order, station));
  rows.merge('given', order, { stations: stations.join(' ') });
  for (const station of stations) rows.merge('order_stations', keyOf(order, station), {});
}

function addCertificate(
  { principal, serial, lineage, kid, expires }: EventOf<'certificate.issued' | 'certificate.renewed'>,
  from: string | null,
  rows: Scratch,
): void {
  rows.merge('lineages', lineage, { serials: [...serialsOf(lineage, rows), serial].join(' ') });
  rows.merge('certificates', serial, {
    ...{ principal, lineage, kid, not_after: expires },
    ...{ renewed_from: from, state: 'live' },
  });
}

function serialsOf(lineage: string, rows: Scratch): string[] {
  const serials = rows.get('lineages', lineage)?.['serials'];
  return serials === undefined ? [] : String(serials).split(' ');
}

/** What a principal was given, or has made, and was not redeemed ends with what they had. */
function withdrawCodes(principal: string, rows: Scratch): void {
  for (const enrolment of codesOf(principal, rows)) {
    const unused = rows.get('enrolments', enrolment)?.['redeemed_serial'] === null;
    if (unused) rows.merge('enrolments', enrolment, { withdrawn: 1 });
  }
  rows.remove('codes', principal);
}

/** Each code knows the one before it, so that adding one takes the same time however many there are. */
function addCode(principal: string, enrolment: string, rows: Scratch): void {
  rows.merge('earlier codes', keyOf(principal, enrolment), {
    before: rows.get('codes', principal)?.['newest'] ?? null,
  });
  rows.merge('codes', principal, { newest: enrolment });
}

/** The enrolments for or by a principal since their codes were last withdrawn, newest first. */
function* codesOf(principal: string, rows: Scratch): Generator<string> {
  let enrolment = rows.get('codes', principal)?.['newest'];
  while (typeof enrolment === 'string') {
    yield enrolment;
    enrolment = rows.get('earlier codes', keyOf(principal, enrolment))?.['before'];
  }
}

function grantOf(event: EventOf<'unlock.issued'>) {
  const { hwid, nonce, seq, kid, pw: pw_ver, challenge: challenge_digest, token: token_digest } = event;
  return { hwid, nonce, seq, kid, for: event.for, pw_ver, challenge_digest, token_digest };
}
