import { z } from 'zod';

/**
 * The api's resources: the schemas that the server validates with, that openapi.json is made from,
 * and that the CLI checks answers with. Times are RFC 3339 in UTC; seconds are whole.
 */

export const roles = ['engineer', 'approver', 'station', 'auditor', 'officer'] as const;
export type Role = (typeof roles)[number];

export const Hwid = z
  .string()
  .regex(/^[A-Z0-9._-]{8,64}$/)
  .describe('Hardware ID, as the module reports it');
/** 15 digits with a Luhn check digit (3GPP TS 23.003 annex B). */
export const Imei = z
  .string()
  .regex(/^\d{15}$/)
  .refine(luhn, 'the IMEI’s check digit is wrong')
  .describe('IMEI: an attribute, never the identity');
export const PrincipalName = z
  .string()
  .regex(/^[a-z][a-z0-9._-]{1,31}$/, 'a name is 2 to 32 of a-z 0-9 . _ -, beginning with a letter')
  .describe('Name of a person or a station');
export const Id = z.uuid({ version: 'v7' });
export const Digest = z.base64url().length(43).describe('SHA-256, base64url');
export const Moment = z.iso.datetime();
export const Scope = z.enum(['console', 'adb', 'ssh', 'reset']);
export const Seconds = z.int().min(1).max(604_800);
export const Jws = z
  .string()
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  .max(8192);
/** Free text a person wrote: no control characters, so that it is safe to print anywhere. */
export const Text = z
  .string()
  .trim()
  .min(1, 'it is empty')
  .max(500)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'control characters are not allowed');
export const Ticket = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._#/-]{1,63}$/)
  .describe('Ticket the work belongs to');
export const Order = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
  .describe('Production order');

/**
 * Where in the log an answer's event stands: its index, and the size of the tree that holds it.
 * Null where the answer repeats an earlier one, so that nothing was written.
 */
export const LogPosition = z.strictObject({ index: z.int().min(0), size: z.int().min(1) });

/** A number in a path or query. Number() alone would take `0x10`, ` 5 ` and the empty string too. */
export function decimal<T extends z.ZodType>(number: T) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : text),
    number,
  );
}

/** A list's cursor and length; `next` in the answer is the `after` of the next page. */
export const Page = z.strictObject({
  limit: decimal(z.int().min(1).max(500)).default(50),
  after: z.string().max(128).optional(),
});
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() });
}

// ── Principals, enrolment, certificates ─────────────────────────────────────

export const Principal = z.strictObject({
  name: PrincipalName,
  kind: z.enum(['person', 'station']),
  roles: z.array(z.enum(roles)),
  state: z.enum(['enabled', 'disabled']),
  created: Moment,
});
/** Stations have the role station alone, and nobody else has it. */
export const NewPrincipal = z
  .strictObject({
    name: PrincipalName,
    kind: z.enum(['person', 'station']),
    roles: z.array(z.enum(roles)).min(1).max(roles.length),
  })
  .refine((principal) => new Set(principal.roles).size === principal.roles.length, {
    path: ['roles'],
    error: 'a role is given twice',
  })
  .refine(({ kind, roles }) => roles.every((role) => (role === 'station') === (kind === 'station')), {
    path: ['roles'],
    error: 'stations have the role station alone, and people never do',
  });
export const PrincipalAnswer = z.strictObject({ principal: Principal, log: LogPosition.nullable() });
export const Enrolment = z.strictObject({
  id: Id,
  principal: PrincipalName,
  created: Moment,
  expires: Moment,
  state: z.enum(['pending', 'redeemed', 'withdrawn', 'expired']),
});
export const NewEnrolment = z.strictObject({ principal: PrincipalName });
export const EnrolmentAnswer = z.strictObject({
  enrolment: Enrolment,
  /** The paste for `latchkey enroll`; null once redeemed, withdrawn or expired. */
  code: z.string().nullable(),
  log: LogPosition.nullable(),
});
export const RsaPublicKey = z.strictObject({
  kty: z.literal('RSA'),
  n: z.base64url().length(512),
  e: z.literal('AQAB'),
});
export const Redemption = z.strictObject({ secret: z.base64url().length(43), key: RsaPublicKey });
export const Renewal = z.strictObject({ key: RsaPublicKey });
export const Serial = z
  .string()
  .regex(/^[0-9a-f]{2,40}$/)
  .describe('Serial number of a certificate, in hexadecimal');
export const Certificate = z.strictObject({
  principal: PrincipalName,
  serial: Serial,
  lineage: Id.describe('The enrolment that this certificate came from, by renewals'),
  kid: Digest,
  created: Moment,
  expires: Moment,
  state: z.enum(['live', 'renewed', 'revoked']),
});
export const EnrolmentQuery = Page.extend({ principal: PrincipalName.optional() });
export const CertificateQuery = Page.extend({
  principal: PrincipalName.optional(),
  state: Certificate.shape.state.optional(),
});
export const CertificateAnswer = z.strictObject({ certificate: Certificate, log: LogPosition.nullable() });
/** A certificate and its CA, PEM. */
export const IssuedCertificate = z.strictObject({
  certificate: Certificate,
  pem: z.string(),
  ca: z.string(),
  iss: z.string(),
  log: LogPosition.nullable(),
});
export const Whoami = z.strictObject({
  principal: Principal,
  certificate: Certificate,
  server: z.strictObject({ iss: z.string(), version: z.string(), time: Moment }),
});

// ── Modules ─────────────────────────────────────────────────────────────────

export const DeviceKey = z.strictObject({ x: z.base64url().length(43), y: z.base64url().length(43) });
export const NewModule = z.strictObject({
  hwid: Hwid,
  imei: Imei.optional(),
  order: Order.optional(),
  key: DeviceKey,
});
export const Module = z.strictObject({
  hwid: Hwid,
  imei: z.string().nullable(),
  order: z.string().nullable(),
  dkt: Digest.describe('RFC 7638 thumbprint of the device key'),
  key: DeviceKey,
  state: z.enum(['registered', 'confirmed', 'suspended', 'retired']),
  /** True from when the module names a token that this server never issued until an officer clears it. */
  flagged: z.boolean(),
  /** Password version the module last reported in force; null before its first report. */
  pwv: z.int().nullable(),
  registered: Moment,
  confirmed: Moment.nullable(),
});
/** What a station hands to the module: the manifests, oldest first, then the bundle. */
export const RegisteredModule = z.strictObject({
  module: Module,
  manifests: z.array(Jws),
  bundle: Jws,
  log: LogPosition.nullable(),
});
export const Confirmation = z.strictObject({ receipt: Jws });
export const ModuleQuery = Page.extend({
  imei: Imei.optional(),
  order: Order.optional(),
  state: Module.shape.state.optional(),
});
export const Why = z.strictObject({ why: Text });
export const ModuleAnswer = z.strictObject({ module: Module, log: LogPosition.nullable() });

// ── Unlocks ─────────────────────────────────────────────────────────────────

export const unlockStates = [
  'waiting',
  'ready',
  'issued',
  'open',
  'closed',
  'denied',
  'cancelled',
  'expired',
  'unaccounted',
] as const;
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

// ── Receipts, events, keys ──────────────────────────────────────────────────

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
export const EventQuery = Page.extend({
  type: z.string().max(64).optional(),
  hwid: Hwid.optional(),
  unlock: Id.optional(),
  by: PrincipalName.optional(),
  from: Moment.optional(),
  to: Moment.optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  /** Long poll: answer as soon as there is an event, or after this many seconds. */
  wait: decimal(z.int().min(0).max(60)).default(0),
});
export const EventEntry = z.strictObject({
  index: z.int().min(0),
  event: z.looseObject({ type: z.string(), at: Moment, by: z.string() }),
});
/** One event with its leaf (base64url) and the proof that the checkpoint's tree holds it. */
export const ProvenEvent = z.strictObject({
  index: z.int().min(0),
  leaf: z.base64url(),
  proof: z.array(Digest),
});
export const EventAnswer = z.strictObject({ event: ProvenEvent, checkpoint: z.string() });
/** Everything about one unlock, checkable offline: see docs/protocol.md, "Unlock bundle". */
export const UnlockBundle = z.strictObject({
  latchkey: z.literal('unlock-bundle/1'),
  unlock: Id,
  device: z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), ...DeviceKey.shape }),
  /** Each challenge with the token it was answered with, in order. */
  grants: z.array(z.strictObject({ challenge: Jws, token: Jws })),
  receipts: z.array(Jws),
  /** The registration of the module, then the unlock's own, in the order of the log. */
  events: z.array(ProvenEvent),
  checkpoint: z.string(),
  /** In order: each that names roots, each that the module held when it got a token, and the newest. */
  manifests: z.array(Jws),
});
export const RootKey = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.literal('AQAB'),
  kid: Digest,
});
/** RFC 7517, with the live issuer keys. */
export const Jwks = z.strictObject({
  keys: z.array(RootKey.extend({ use: z.literal('sig'), alg: z.literal('PS256') })),
});
export const KeySet = z.strictObject({ iss: z.string(), roots: z.array(RootKey), manifests: z.array(Jws) });

function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const doubled = Number(digit) * (place % 2 === 0 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}
