import { hash } from 'node:crypto';
import type { z } from 'zod';
import { canonicalJson, type Json } from '../../protocol/canonical.ts';
import { Problem } from '../../protocol/problems.ts';
import type { AnyOperation, Idempotency } from '../operation.ts';
import type { ApiRequest } from './exchange.ts';

/** What a handler may rely on: everything in it has been through the operation's own schemas. */
export interface Input {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly idempotency: Idempotency | undefined;
}

/** @throws Problem `invalid-request` with every fault, `idempotency-key-required`, `not-acceptable` */
export function validate(operation: AnyOperation, request: ApiRequest): Input {
  acceptable(operation, request);
  const faults: Fault[] = [];
  const params = check('path', operation.params, joined(request.params), faults);
  const query = check('query', operation.query, request.query, faults);
  const body = check('body', operation.body, request.body, faults);
  if (faults.length > 0) {
    const [first] = faults;
    throw new Problem(
      'invalid-request',
      `The ${first?.in} does not fit${first?.at ? ` at ${first.at}` : ''}: ${first?.fault}.`,
      { faults },
    );
  }
  return { params, query, body, idempotency: operation.idempotent ? idempotency(request, body) : undefined };
}

interface Fault {
  readonly in: 'path' | 'query' | 'body';
  /** Members down to the faulty one, with dots. */
  readonly at: string;
  readonly fault: string;
}

/** Enough to correct a request by; a hostile one does not make the answer larger than itself. */
const MOST_FAULTS = 16;

function check(where: Fault['in'], schema: z.ZodType, value: unknown, faults: Fault[]): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues.slice(0, MOST_FAULTS)) {
    faults.push({ in: where, at: issue.path.join('.').slice(0, 100), fault: issue.message.slice(0, 200) });
  }
  return undefined;
}

/** A path's `{+name}` comes in pieces between slashes. */
function joined(params: ApiRequest['params']): Record<string, string> {
  const whole: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    whole[name] = Array.isArray(value) ? value.join('/') : value;
  }
  return whole;
}

function acceptable({ media = 'application/json' }: AnyOperation, request: ApiRequest): void {
  const { accept } = request.headers;
  if (accept === undefined || accept === '*/*' || accept === 'application/json') return;
  if (!request.accepts(media)) throw new Problem('not-acceptable', `This answer is ${media}; accept that.`);
}

function idempotency(request: ApiRequest, body: unknown): Idempotency {
  const key = request.headers['idempotency-key'];
  if (key === undefined) {
    throw new Problem(
      'idempotency-key-required',
      'Send an Idempotency-Key header: a fresh UUID for each intent, the same one for each repeat.',
    );
  }
  if (typeof key !== 'string' || !/^[\w-]{8,64}$/.test(key)) {
    throw new Problem('invalid-request', 'Idempotency-Key is 8 to 64 of letters, digits, _ and -.');
  }
  return { key, digest: hash('sha256', canonicalJson(body as Json), 'base64url') };
}
