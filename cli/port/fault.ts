/** Every way in which a port, or the module behind it, fails. */
export type PortFault =
  // The port
  | 'port-name'
  | 'port-missing'
  | 'port-permission'
  | 'port-busy'
  | 'port-failed'
  | 'port-unreachable'
  | 'port-timeout'
  | 'port-gone'
  // The module
  | 'module-silent'
  | 'module-garbled'
  | 'module-refused'
  | 'not-a-latchkey-module'
  // The console's login
  | 'login-missing'
  | 'login-refused';

export interface PortErrorMore {
  /** What to do next, whole sentences. */
  readonly next?: string | undefined;
  /** Members for programs. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * What happened, to which port, and what to do next. Neither the message nor `next` holds anything from
 * the other end but what `escapeWire` made printable.
 */
export class PortError extends Error {
  override readonly name: string = 'PortError';
  readonly code: PortFault;
  readonly next: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: PortFault, message: string, more: PortErrorMore = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.next = more.next;
    this.details = more.details ?? {};
  }
}

/** The module's own refusal: the number of its `+CME ERROR`. */
export class ModuleRefusal extends PortError {
  override readonly name = 'ModuleRefusal';
  readonly cme: number;

  constructor(cme: number, message: string, next: string) {
    super('module-refused', message, { next, details: { cme } });
    this.cme = cme;
  }
}
