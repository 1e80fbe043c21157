import { inspect } from 'node:util';
import type { Exit } from './exit.ts';
import { PortError } from './port/fault.ts';

export interface FailureMore {
  /** What to do next, a sentence. */
  readonly next?: string | undefined;
  /** Members for programs, shown with --json. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** Why a command ends without having done its work: what happened, to what, and what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: Exit;
  /** What programs decide on: a problem code of the server's, or one of the CLI's own. */
  readonly code: string;
  readonly next: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(exit: Exit, code: string, message: string, more: FailureMore = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.exit = exit;
    this.code = code;
    this.next = more.next;
    this.details = more.details ?? {};
  }
}

/** The failure that ends a command interrupted with Ctrl-C. */
export function interrupted(message = 'Interrupted.', next?: string): Failure {
  return new Failure('interrupted', 'interrupted', message, { next });
}

/** Any error as a failure; one that nobody foresaw keeps its stack. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof PortError) {
    const { code, message, next, details } = error;
    const usage = code === 'port-name';
    return new Failure(usage ? 'usage' : 'port', code, message, { next, details, cause: error });
  }
  if (error instanceof Error && error.name === 'AbortError') return interrupted();
  const message = error instanceof Error ? error.message : inspect(error);
  return new Failure('failure', 'unexpected', message, {
    cause: error,
    next: 'This is a fault in latchkey itself; please report it, with these lines:',
  });
}
