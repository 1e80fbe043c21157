/** Every way in which the api refuses, with its HTTP status and the title of its RFC 9457 problem. */
export const problems = {
  // The request itself
  'invalid-request': [400, 'The request does not have the shape that this operation takes'],
  'invalid-message': [400, 'A signed message in the request is malformed, or its signature does not hold'],
  'idempotency-key-required': [400, 'This operation needs an Idempotency-Key header'],
  'not-found': [404, 'There is no such thing, or it is not yours to see'],
  'method-not-allowed': [405, 'This resource does not take that method'],
  'not-acceptable': [406, 'Answers are JSON'],
  'payload-too-large': [413, 'The request body is too large'],
  'unsupported-media-type': [415, 'Request bodies are JSON'],
  'idempotency-key-reused': [422, 'This Idempotency-Key was used with another body'],
  'rate-limited': [429, 'Too many requests; see Retry-After'],
  // Who asks
  'certificate-required': [401, 'This operation needs a client certificate'],
  'certificate-untrusted': [401, 'The client certificate is not from this server’s access CA'],
  'certificate-expired': [401, 'The client certificate has expired'],
  'certificate-revoked': [401, 'The client certificate has been revoked'],
  'certificate-renewed': [401, 'The client certificate has been renewed; the newer one takes its place'],
  'principal-disabled': [403, 'This principal has been disabled'],
  'renewal-refused': [
    403,
    'This certificate can no longer be renewed; ask an officer for a new enrolment code',
  ],
  forbidden: [403, 'Policy does not permit this'],
  // Enrolment
  'code-unknown': [403, 'There is no such enrolment code'],
  'code-used': [409, 'This enrolment code was already used with another key'],
  'code-withdrawn': [410, 'This enrolment code was withdrawn before it was used'],
  'code-expired': [410, 'This enrolment code has expired'],
  'key-unsuitable': [422, 'The key is not RSA-3072 with exponent 65537, or is already in use'],
  'principal-exists': [409, 'A principal of that name exists'],
  'last-officer': [409, 'The last officer who can get in cannot be disabled'],
  // Modules
  'module-unknown': [404, 'No module with that hardware ID is registered'],
  'module-exists': [409, 'That hardware ID is registered with another device key'],
  'module-unconfirmed': [409, 'The module has not been confirmed: its provisioning receipt is missing'],
  'module-inactive': [409, 'The module is suspended or retired'],
  'module-flagged': [409, 'The module named a token that this server never issued; an officer must clear it'],
  'module-in-use': [409, 'Another unlock of this module is issued or open'],
  // Production orders
  'order-exists': [409, 'An order of that name exists, and is another'],
  'order-unknown': [404, 'There is no production order of that name'],
  'order-closed': [409, 'The production order is closed'],
  'order-not-yours': [403, 'The production order was not given to this station'],
  'order-full': [409, 'The production order has all the modules that were ordered'],
  'order-mismatch': [409, 'The module is registered for another production order'],
  // Unlocks
  'unlock-state': [409, 'The unlock is not in a state that allows this'],
  'challenge-mismatch': [422, 'The challenge does not fit the unlock: module, scope or seconds differ'],
  'challenge-spent': [409, 'The challenge was already granted, or is older than one that was'],
  'manifest-behind': [
    409,
    'The module’s key manifest names no live issuer key; hand it the enclosed one first',
  ],
  'replacements-exhausted': [409, 'This unlock’s token was replaced as often as it may be'],
  'password-unknown': [409, 'No password version is known to be in force'],
  'receipt-unknown': [422, 'The receipt names nothing that this server issued'],
  // The log
  'range-not-satisfiable': [416, 'The log is not that long'],
  // The server
  'log-unavailable': [503, 'The log cannot be written, so nothing is granted'],
  'shutting-down': [503, 'The server is stopping'],
  'internal-error': [500, 'The server failed; the request id finds the reason in its diagnostics'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

/** RFC 9457 problem document, with the code that programs decide on. */
export interface ProblemDocument {
  readonly type: `urn:latchkey:problem:${ProblemCode}`;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  /** What happened, to what, and what to do next. */
  readonly detail: string;
  /** Finds this request in the server's diagnostics. */
  readonly request: string;
  /** Members of this code's own: `holder`, `need`, `manifests`, `faults`, `retryAfter`. */
  readonly [extension: string]: unknown;
}

/** A refusal, thrown anywhere in the server and turned into HTTP in one place. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, extensions: Record<string, unknown> = {}, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.extensions = extensions;
  }
}
