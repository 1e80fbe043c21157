import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import type { Metrics } from '../metrics.ts';
import type { AnyOperation } from '../operation.ts';
import { securityHeaders } from './headers.ts';

/** What the server learns about one request while it lasts; each middleware fills in its part. */
export interface Exchange {
  /** Finds the request in diagnostics. Made here: a client's own id could be another's, or hostile. */
  readonly id: string;
  /** Of the answer, whatever it will be. */
  readonly headers: Record<string, string>;
  operation?: AnyOperation;
  caller?: Caller;
  /** Decides once more who asks, for an answer that was long in coming. @throws Problem */
  readmit?: () => Promise<void>;
  problem?: ProblemCode;
}

interface Locals extends Record<string, unknown> {
  exchange: Exchange;
}

type Params = Record<string, string | string[]>;
export type ApiRequest = Request<Params, unknown, unknown>;
export type ApiResponse = Response<unknown, Locals>;
export type Middleware = RequestHandler<Params, unknown, unknown, ApiRequest['query'], Locals>;
export type ErrorMiddleware = ErrorRequestHandler<Params, unknown, unknown, ApiRequest['query'], Locals>;

/**
 * Calls `then` once the exchange is over, answered or not. A response that waits behind others of its
 * connection (RFC 9112 §9.3.2) has no socket yet: Node does not close it when the client goes.
 */
export function whenOver({ socket }: ApiRequest, response: ApiResponse, then: () => void): void {
  if (response.destroyed || socket.destroyed) {
    then();
  } else if (response.socket !== null) {
    response.once('close', then);
  } else {
    const over = () => {
      response.off('close', over);
      socket.off('close', over);
      then();
    };
    response.once('close', over);
    // As many as the client sends ahead.
    socket.setMaxListeners(0).once('close', over);
  }
}

/** Gives each request its id, and writes its one diagnostic line when it is over. */
export function exchange(services: Services, metrics: Metrics): Middleware {
  const run = Buffer.from(services.random(6)).toString('base64url');
  const security = securityHeaders();
  let count = 0;
  return (request, response, next) => {
    const began = performance.now();
    count += 1;
    metrics.begin();
    const id = `${run}-${count.toString(36)}`;
    const current: Exchange = { id, headers: { ...security, 'Request-Id': id } };
    response.locals.exchange = current;
    whenOver(request, response, () => {
      const ms = Math.round((performance.now() - began) * 1000) / 1000;
      const operation = current.operation?.id ?? 'none';
      metrics.end(operation, response.statusCode, ms / 1000);
      services.diagnostics.info({
        request: id,
        method: request.method,
        route: current.operation?.path,
        status: response.statusCode,
        code: current.problem,
        by: current.caller?.name,
        ms,
        ...(response.writableFinished ? {} : { aborted: true }),
      });
    });
    next();
  };
}
