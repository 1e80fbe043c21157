import { z } from 'zod';
import type { Role } from '../protocol/api/principals.ts';
import type { Line } from '../protocol/lines.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Caller, Services } from './context.ts';

/**
 * Who reaches an operation: `open` needs no certificate, `enrolled` any enabled principal, a list
 * those roles; `expired` also a certificate past its end or already renewed, for renewal. Policy
 * decides the rest.
 */
export type Access = 'open' | 'enrolled' | 'expired' | readonly Role[];

/** One method of one path: what routes are mounted, authorized, validated and documented from. */
export interface Operation<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
  X extends Access = Access,
  I extends boolean = boolean,
> {
  readonly id: string;
  readonly method: 'get' | 'post';
  /** With OpenAPI's braces: `/v1/unlocks/{id}`; `{+name}` at the end takes slashes too. */
  readonly path: string;
  readonly summary: string;
  readonly access: X;
  /** The POST has no natural key, so it takes an Idempotency-Key header. */
  readonly idempotent?: I;
  readonly params: P;
  readonly query: Q;
  /** z.undefined() where there is no body. */
  readonly body: B;
  /** Media type of the body where it is not JSON: a stream of lines, with `lineStream` as its schema. */
  readonly takes?: typeof NDJSON;
  /** Of such a body, what each line holds: for the document. */
  readonly line?: z.ZodType;
  /** Of JSON answers; z.string() or z.instanceof(Uint8Array) where `media` says another type, `jsonStream` for lines. */
  readonly answer: A;
  readonly media?: string;
  /** Refusals of its own, beside those every operation shares. */
  readonly problems: readonly ProblemCode[];
  handle(
    request: OperationRequest<
      z.output<P>,
      z.output<Q>,
      z.output<B>,
      X extends 'open' ? undefined : Caller,
      I extends true ? Idempotency : undefined
    >,
    services: Services,
  ): Promise<OperationAnswer<z.input<A>>>;
}

export interface OperationRequest<P, Q, B, C = Caller | undefined, I = Idempotency | undefined> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Undefined where access is `open`, certificate or not. */
  readonly caller: C;
  /** Undefined where the operation is not `idempotent`. */
  readonly idempotency: I;
  /** Id of this request in diagnostics. */
  readonly id: string;
  /** To be called where the answer waits. */
  readonly hold: Hold;
}

/**
 * Begins a long poll of at most so many seconds, which counts among the caller's.
 * @returns fires when the client has gone or the server stops
 * @throws Problem `rate-limited` where the caller has too many
 */
export type Hold = (seconds: number) => AbortSignal;

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

/** An operation whose own types are forgotten, as app.ts and openapi.ts see all of them. */
export interface AnyOperation extends Omit<Operation<z.ZodType, z.ZodType, z.ZodType, z.ZodType>, 'handle'> {
  handle(
    request: OperationRequest<unknown, unknown, unknown>,
    services: Services,
  ): Promise<OperationAnswer<unknown>>;
}

/** Keeps the types of an operation's own schemas while it is defined; routes export lists of them. */
export function operation<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  A extends z.ZodType,
  const X extends Access,
  I extends boolean = false,
>(definition: Operation<P, Q, B, A, X, I>): AnyOperation {
  // app.ts hands it only what its own schemas, access and header checks gave.
  return definition as unknown as AnyOperation;
}

/** JSON, a value a line, as long as it lasts. */
export const NDJSON = 'application/x-ndjson';
export const lineStream = z.custom<AsyncIterable<Line>>(isIterable);
export const jsonStream = z.custom<AsyncIterable<unknown>>(isIterable);

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Schema of params and query where there are none. */
export const none = z.strictObject({});
/** Schema of a body that must not be there. */
export const noBody = z.undefined();
