import type { Selectable } from 'kysely';

/**
 * The tables, as Kysely sees them. Times are RFC 3339 text in UTC with milliseconds, so that they
 * sort; booleans are 0 or 1; byte strings are blobs. Whatever is named `sealed` opens only with the KEK.
 */
export interface Database {
  log_head: LogHeadTable;
  log_leaves: LogLeavesTable;
  log_nodes: LogNodesTable;
  principals: PrincipalsTable;
  enrolments: EnrolmentsTable;
  certificates: CertificatesTable;
  orders: OrdersTable;
  order_stations: OrderStationsTable;
  offline_bundles: OfflineBundlesTable;
  modules: ModulesTable;
  former_keys: FormerKeysTable;
  data_keys: DataKeysTable;
  passwords: PasswordsTable;
  doubts: DoubtsTable;
  unlocks: UnlocksTable;
  grants: GrantsTable;
  receipts: ReceiptsTable;
  tls_certificates: TlsCertificatesTable;
  manifests: ManifestsTable;
}

/** One row, id 1: the tree under the newest checkpoint. */
interface LogHeadTable {
  id: number;
  size: number;
  checkpoint: string;
}

interface LogLeavesTable {
  idx: number;
  hash: Uint8Array;
  /** The leaf's exact bytes: RFC 8785 JSON. */
  leaf: Uint8Array;
  type: string;
  at: string;
  by: string;
  hwid: string | null;
  unlock: string | null;
}

/** Hashes of complete subtrees at levels 8, 16, … (the upper rows of tiles); level 0 is log_leaves.hash. */
interface LogNodesTable {
  level: number;
  idx: number;
  hash: Uint8Array;
}

/** The Idempotency-Key of the request that made the row, and the digest of its body. */
interface Idempotent {
  idem_by: string;
  idem_key: string;
  idem_digest: string;
}

interface PrincipalsTable extends Idempotent {
  name: string;
  kind: 'person' | 'station';
  /** JSON array of roles. */
  roles: string;
  state: 'enabled' | 'disabled';
  created: string;
}

interface EnrolmentsTable extends Idempotent {
  id: string;
  principal: string;
  /** SHA-256 of the single-use secret, base64url. */
  secret_digest: string;
  /** The code to paste; null once redeemed, withdrawn or expired. */
  sealed_code: Uint8Array | null;
  created: string;
  expires: string;
  redeemed_serial: string | null;
  /** When whom it is for, or who made it, was disabled or had a certificate revoked, before it was redeemed. */
  withdrawn: string | null;
}

interface CertificatesTable {
  serial: string;
  /** All certificates that came from one enrolment by renewal. */
  lineage: string;
  principal: string;
  /** Thumbprint of its key. */
  kid: string;
  pem: string;
  not_before: string;
  not_after: string;
  /** When the code was redeemed (or the sign-in happened) that the lineage rests on. */
  rooted: string;
  /** Serial that was renewed into this one; unique, so that a certificate renews once. */
  renewed_from: string | null;
  state: 'live' | 'renewed' | 'revoked';
}

/** A production order. The counters are of its modules as they stand: server/decisions/tally.ts. */
interface OrdersTable {
  name: string;
  /** Modules ordered. */
  quantity: number;
  /** Modules that have a place in it: all that are not retired. */
  registered: number;
  /** Those of them whose provisioning receipt came. */
  confirmed: number;
  /** Modules of it that were retired. */
  failed: number;
  created: string;
  closed: string | null;
}

/** Which stations an order is given to. */
interface OrderStationsTable {
  order: string;
  station: string;
}

/** What one station hands to modules of one order while it does not reach the server. */
interface OfflineBundlesTable {
  jti: string;
  order: string;
  station: string;
  /** Thumbprint of the issuer key that signed it. */
  kid: string;
  sealed: Uint8Array;
  /** SHA-256 of its compact bytes. */
  digest: string;
  /** Modules that may be registered by it, and those that were. */
  most: number;
  taken: number;
  created: string;
  expires: string;
}

interface ModulesTable {
  hwid: string;
  imei: string | null;
  /** Null, or a name that no order has, only where it was registered before there were orders. */
  order: string | null;
  customer: string | null;
  model: string | null;
  dkt: string;
  x: string;
  y: string;
  state: 'registered' | 'confirmed' | 'suspended' | 'retired';
  /** The token that this server never issued, by a challenge's `last` or a receipt's `jti`. */
  foreign_token: string | null;
  /** The foreign token that an officer cleared last: challenges go on naming it until a new one is accepted. */
  cleared_token: string | null;
  /** Since when a clone of it is suspected; null from when an officer has cleared or retired it. */
  suspected: string | null;
  /** Highest challenge `seq` granted for this device key. */
  granted_seq: number;
  /** Password version in force by the module's newest signed word (highest seq), and that word's seq. */
  pwv: number | null;
  pwv_seq: number;
  bundle_jti: string;
  /** Empty, as its digest is, until somebody asks for the bundle of a module that an import registered. */
  sealed_bundle: Uint8Array;
  /** SHA-256 of the bundle's compact bytes: what the provisioning receipt's `dig` must be. */
  bundle_digest: string;
  registered: string;
  registered_by: string;
  confirmed: string | null;
}

/** Device keys that a module had before it was retired and registered anew: what they signed still counts. */
interface FormerKeysTable {
  dkt: string;
  hwid: string;
  x: string;
  y: string;
}

/** Data keys under the KEK; the newest seals. */
interface DataKeysTable {
  id: string;
  wrapped: Uint8Array;
  created: string;
  /** Reserved so far, of the most that it may have. */
  uses: number;
}

interface PasswordsTable {
  hwid: string;
  ver: number;
  sealed: Uint8Array;
  hash: string;
  created: string;
  /** When a person was shown it. */
  revealed: string | null;
}

/** One row for each module of which nobody can say which password is in force, or whether it is one of ours. */
interface DoubtsTable {
  hwid: string;
  /**
   * `unanswered`: a token with a password was sent and the module has not said whether it took it;
   * `no-password`: it says that none is in force; `not-held`: it names one that this server never sent;
   * `went-back`: it names a lower one than before.
   */
  why: 'unanswered' | 'no-password' | 'not-held' | 'went-back';
  since: string;
  /** Of `unanswered`: the unlock whose token carries the password, and that password's version. */
  unlock: string | null;
  ver: number | null;
}

interface UnlocksTable extends Idempotent {
  id: string;
  hwid: string;
  requester: string;
  scope: 'console' | 'adb' | 'ssh' | 'reset';
  seconds: number;
  reason: string;
  ticket: string | null;
  digest: string;
  approvals: number;
  state:
    | 'waiting'
    | 'ready'
    | 'issued'
    | 'open'
    | 'closed'
    | 'denied'
    | 'cancelled'
    | 'expired'
    | 'unaccounted';
  created: string;
  deadline: string;
  issued: string | null;
  granted: number | null;
  opened: string | null;
  closed: string | null;
  why: string | null;
  elapsed: number | null;
}

/** A challenge and the token it was answered with. Unique (hwid, nonce): a nonce is granted at most once. */
interface GrantsTable {
  unlock: string;
  /** 0 for the first token of the unlock, then 1 to 3 for replacements. */
  turn: number;
  hwid: string;
  nonce: string;
  seq: number;
  iat: number;
  for: number;
  kid: string;
  /** Challenge's `pwv`, and the version that the token carries in `pw`. */
  pwv: number;
  pw_ver: number | null;
  challenge_digest: string;
  token_digest: string;
  sealed_challenge: Uint8Array;
  sealed_token: Uint8Array;
}

/** Unique (hwid, jti, event, seq). */
interface ReceiptsTable {
  hwid: string;
  jti: string;
  event: 'provisioned' | 'opened' | 'closed' | 'refused';
  seq: number;
  why: string | null;
  elapsed: number;
  pwv: number;
  jws: string;
  received: string;
  received_by: string;
}

/** Certificates of modules' TLS keys: one for each key, given again to whoever asks again. */
interface TlsCertificatesTable {
  hwid: string;
  /** Thumbprint of the TLS key. */
  kid: string;
  /** Thumbprint of the device key that vouched for it. */
  dkt: string;
  serial: string;
  /** DER in base64url. */
  crt: string;
  not_after: string;
  issued: string;
  issued_by: string;
}

interface ManifestsTable {
  ver: number;
  jws: string;
  names_roots: number;
}

export type LogLeaf = Selectable<LogLeavesTable>;
export type PrincipalRow = Selectable<PrincipalsTable>;
export type EnrolmentRow = Selectable<EnrolmentsTable>;
export type CertificateRow = Selectable<CertificatesTable>;
export type OrderRow = Selectable<OrdersTable>;
export type OfflineBundleRow = Selectable<OfflineBundlesTable>;
export type ModuleRow = Selectable<ModulesTable>;
export type DoubtRow = Selectable<DoubtsTable>;
export type PasswordRow = Selectable<PasswordsTable>;
export type UnlockRow = Selectable<UnlocksTable>;
export type GrantRow = Selectable<GrantsTable>;
export type TlsCertificateRow = Selectable<TlsCertificatesTable>;
export type ReceiptRow = Selectable<ReceiptsTable>;
