import { z } from 'zod';
import { canonicalJson, type Json } from './canonical.ts';
import { scopes } from './claims.ts';
import { unlockStates } from './unlock-states.ts';

/** A leaf holds at most this many bytes (C2SP tlog-tiles: the length is a uint16). */
export const LONGEST_LEAF = 65_535;

/** `by` of what the server did of its own accord; no principal can have this name. */
export const SERVER = '@server';

const name = z.string().min(1).max(64);
const hwid = z.string().regex(/^[A-Z0-9._-]{8,64}$/);
const id = z.uuid({ version: 'v7' });
const digest = z.base64url().length(43);
const count = z.int().min(0).max(0xffff_ffff);
const scope = z.enum(scopes);
const moment = z.iso.datetime({ precision: 3 });
const serial = z.string().regex(/^[0-9a-f]{1,40}$/);
const unlockState = z.enum(unlockStates);

/**
 * The closed list of events and the members of each, beside `type`, `at` and `by`.
 * `state` is the subject's state after the event, so that replaying events gives the state tables.
 */
const shapes = {
  'server.initialized': { iss: name, roots: z.array(digest).length(2), ca: digest, log: digest },
  'server.started': { version: name },
  'keys.published': { ver: count, keys: z.array(digest), log: z.array(digest), dig: digest },

  'data-key.created': { key: id },
  'data-key.removed': { key: id },
  'kek.rotated': { keys: z.array(id) },

  'principal.created': { principal: name, kind: z.enum(['person', 'station']), roles: z.array(name) },
  'principal.disabled': { principal: name },
  'principal.enabled': { principal: name },
  'enrolment.created': { enrolment: id, principal: name, expires: moment },
  'enrolment.redeemed': { enrolment: id, principal: name, kid: digest },
  'enrolment.misused': { enrolment: id, principal: name, kid: digest },
  'certificate.issued': { principal: name, serial, lineage: id, kid: digest, expires: moment },
  'certificate.renewed': { principal: name, serial, from: serial, lineage: id, kid: digest, expires: moment },
  'certificate.revoked': { principal: name, lineage: id, why: z.enum(['officer', 'disabled', 'two-keys']) },

  'order.created': { order: name, quantity: count, stations: z.array(name), state: z.literal('open') },
  'order.changed': { order: name, quantity: count, stations: z.array(name), why: z.string().max(500) },
  'order.closed': { order: name, why: z.string().max(500), state: z.literal('closed') },
  'order.reopened': { order: name, why: z.string().max(500), state: z.literal('open') },
  'bundle.issued': {
    order: name,
    station: name,
    jti: id,
    dig: digest,
    kid: digest,
    most: count,
    expires: moment,
  },

  'module.registered': {
    hwid,
    imei: z.string().nullable(),
    order: z.string().nullable(),
    customer: name.optional(),
    model: name.optional(),
    dkt: digest,
    jti: id,
    ver: count,
    dig: digest.optional(),
    state: z.literal('registered'),
  },
  'module.bundled': { hwid, jti: id, dig: digest },
  'module.labelled': {
    hwid,
    order: name.nullable(),
    customer: name.nullable(),
    model: name.nullable(),
  },
  'module.confirmed': { hwid, jti: id, dig: digest, state: z.literal('confirmed') },
  'module.certified': {
    hwid,
    dkt: digest,
    key: digest,
    serial,
    expires: moment,
    dig: digest,
    ca: digest,
  },
  'module.suspended': { hwid, why: z.string().max(500), state: z.literal('suspended') },
  'module.resumed': { hwid, why: z.string().max(500), state: z.literal('confirmed') },
  'module.retired': { hwid, why: z.string().max(500), state: z.literal('retired') },
  'module.clone-suspected': { hwid, dkt: digest, of: hwid.optional() },
  'module.rolled-back': { hwid, seq: count, granted: count },
  'module.seq-reset': { hwid },
  'module.foreign-token': { hwid, last: id },
  'module.cleared': { hwid, why: z.string().max(500) },

  'unlock.requested': {
    unlock: id,
    hwid,
    scope,
    seconds: count,
    reason: z.string(),
    ticket: z.string().nullable(),
    dig: digest,
    state: z.enum(['waiting', 'ready']),
  },
  'unlock.refused': { hwid, scope, seconds: count, need: z.string() },
  'unlock.cancelled': { unlock: id, hwid, state: z.literal('cancelled') },
  'unlock.issued': {
    unlock: id,
    hwid,
    scope,
    for: count,
    exp: count,
    nonce: z.base64url(),
    seq: count,
    challenge: digest,
    token: digest,
    kid: digest,
    pw: count.nullable(),
    replaces: digest.nullable(),
    state: z.literal('issued'),
  },
  'unlock.expired': {
    unlock: id,
    hwid,
    why: z.enum(['not-issued', 'never-opened', 'refused']),
    state: z.literal('expired'),
  },
  'unlock.unaccounted': { unlock: id, hwid, state: z.literal('unaccounted') },
  'token.refused': { unlock: id, hwid, code: name },

  'receipt.accepted': {
    hwid,
    jti: id,
    event: z.enum(['provisioned', 'opened', 'closed', 'refused']),
    why: name.nullable(),
    elapsed: count,
    seq: count,
    pwv: count,
    dig: digest,
    state: unlockState.nullable(),
  },
  'password.revealed': { unlock: id, hwid, ver: count },
} as const;

export type EventType = keyof typeof shapes;

type Members<T extends EventType> = z.infer<z.ZodObject<(typeof shapes)[T]>>;

/** An event of the log, as it stands in its leaf. `at` is RFC 3339 in UTC with milliseconds. */
export type LogEvent = { [T in EventType]: { type: T; at: string; by: string } & Members<T> }[EventType];

/** An event before the log gives it its time. */
export type NewEvent = { [T in EventType]: { type: T; by: string } & Members<T> }[EventType];

const schemas = new Map<string, z.ZodObject>(
  Object.entries(shapes).map(([type, members]) => [
    type,
    z.strictObject({ type: z.literal(type), at: moment, by: name, ...members }),
  ]),
);

export const eventTypes = Object.keys(shapes) as readonly EventType[];

/**
 * The leaf's bytes: RFC 8785 canonical JSON.
 * @throws TypeError where the event is not of the closed list, or too long: a mistake of the caller's
 */
export function encodeEvent(event: LogEvent): Uint8Array {
  const schema = schemas.get(event.type);
  const checked = schema?.safeParse(event);
  if (!checked?.success)
    throw new TypeError(`not an event: ${checked?.error.message ?? event.type}`, { cause: checked?.error });
  const leaf = Buffer.from(canonicalJson(checked.data as Json));
  if (leaf.length > LONGEST_LEAF) throw new TypeError(`${event.type} is over ${LONGEST_LEAF} bytes`);
  return leaf;
}

/** The event in a leaf, or undefined where the bytes are not the canonical form of an event we know. */
export function decodeEvent(leaf: Uint8Array): LogEvent | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(leaf).toString());
    const type = z.looseObject({ type: z.string() }).parse(value).type;
    const event = schemas.get(type)?.parse(value) as LogEvent | undefined;
    return event && Buffer.from(canonicalJson(event as Json)).equals(leaf) ? event : undefined;
  } catch {
    return undefined;
  }
}
