import type { z } from 'zod';
import type { Role } from '../protocol/api.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Caller, Services } from './context.ts';

/**
 * Who reaches an operation: `open` needs no certificate, `enrolled` any enabled principal, a list
 * those roles; `expired` also a certificate past its end, for renewal. Policy decides the rest.
 */
export type Access = 'open' | 'enrolled' | 'expired' | readonly Role[];

/** One method of one path: what routes are mounted, authorized, validated and documented from. */
export interface Operation<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
> {
  readonly id: string;
  readonly method: 'get' | 'post';
  /** With OpenAPI's braces: `/v1/unlocks/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  /** The POST has no natural key, so it takes an Idempotency-Key header. */
  readonly idempotent?: true;
  readonly params: P;
  readonly query: Q;
  /** z.undefined() where there is no body. */
  readonly body: B;
  readonly answer: A;
  /** Of JSON answers; others say their media type. */
  readonly media?: string;
  /** Refusals of its own, beside those every operation shares. */
  readonly problems: readonly ProblemCode[];
  handle(
    request: OperationRequest<z.output<P>, z.output<Q>, z.output<B>>,
    services: Services,
  ): Promise<OperationAnswer<z.input<A>>>;
}

export interface OperationRequest<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Undefined only where access is `open`. */
  readonly caller: Caller | undefined;
  readonly idempotency: Idempotency | undefined;
  /** Id of this request in diagnostics. */
  readonly id: string;
  /** Fires when the client has gone or the server stops: a long poll ends. */
  readonly signal: AbortSignal;
}

/** The header, and SHA-256 over the canonical JSON of the body, base64url. */
export interface Idempotency {
  readonly key: string;
  readonly digest: string;
}

export interface OperationAnswer<A> {
  readonly status?: 200 | 201;
  readonly body: A;
  readonly headers?: Readonly<Record<string, string>>;
}

export type AnyOperation = Operation<z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

/** Keeps the types of an operation's own schemas while it is defined; routes export lists of them. */
export function operation<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType>(
  definition: Operation<P, Q, B, A>,
): AnyOperation {
  return definition as unknown as AnyOperation;
}
