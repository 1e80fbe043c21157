import type { IncomingMessage } from 'node:http';
import { json } from 'express';
import { Problem } from '../../protocol/problems.ts';
import type { AnyOperation } from '../operation.ts';
import { noBody } from '../operation.ts';
import type { Middleware } from './exchange.ts';

/** The most bytes of a request body: 64 receipts of 768 bytes fit. */
export const LARGEST_BODY = 65_536;

const jsonType = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

/** Reads the JSON body of an operation that takes one, and refuses a body where none is taken. */
export function readBody(operation: AnyOperation): Middleware {
  if (operation.body === noBody) {
    return (request, _response, next) => {
      if (!hasBody(request)) return next();
      next(
        new Problem('invalid-request', `${operation.method.toUpperCase()} ${operation.path} takes no body.`),
      );
    };
  }
  // Without `inflate`, a body cannot be larger than it looks.
  const parse = json({ limit: LARGEST_BODY, inflate: false, strict: false, type: () => true });
  return (request, response, next) => {
    if (hasBody(request) && jsonType.test(request.headers['content-type'] ?? '')) {
      return parse(request, response, next);
    }
    next(new Problem('unsupported-media-type', 'Send a body of Content-Type application/json.'));
  };
}

/** True where the request carries a body (RFC 9112 §6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
