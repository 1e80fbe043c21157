import express, { type Express } from 'express';
import { Problem } from '../protocol/problems.ts';
import type { Services } from './context.ts';
import type { Metrics } from './metrics.ts';
import { authenticate } from './middleware/authenticate.ts';
import { readBody } from './middleware/body.ts';
import { exchange, type Middleware } from './middleware/exchange.ts';
import { handle } from './middleware/handle.ts';
import { type AddressLimit, limitPrincipals } from './middleware/limit.ts';
import { Polls } from './middleware/polls.ts';
import { answerProblems } from './middleware/problems.ts';
import type { AnyOperation } from './operation.ts';

export interface AppOptions {
  readonly services: Services;
  readonly operations: readonly AnyOperation[];
  readonly metrics: Metrics;
  readonly addresses: AddressLimit;
  /** Fires when the server stops: long polls answer, new requests are refused. */
  readonly stopping: AbortSignal;
}

/**
 * The api as a request listener. Each request goes down this page: its id, its address's rate, then,
 * for the operation it names, who asks, their rate, the body, its shape, the handler.
 */
export function createApp({ services, operations, metrics, addresses, stopping }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  const principals = limitPrincipals(services);
  const polls = new Polls();
  app.use(exchange(services, metrics));
  app.use(refuseWhileStopping(stopping));
  app.use(addresses.check);
  for (const [path, methods] of byPath(operations)) {
    const route = app.route(expressPath(path));
    for (const operation of methods) {
      route[operation.method](
        begin(operation),
        authenticate(operation.access, services, addresses),
        principals,
        readBody(operation),
        handle(operation, services, polls, stopping),
      );
    }
    route.all(refuseMethod(methods));
  }
  app.use(refusePath);
  app.use(answerProblems(services));
  return app;
}

function begin(operation: AnyOperation): Middleware {
  return (_request, response, next) => {
    response.locals.exchange.operation = operation;
    next();
  };
}

function refuseWhileStopping(stopping: AbortSignal): Middleware {
  return (_request, response, next) => {
    if (!stopping.aborted) return next();
    response.locals.exchange.headers['Connection'] = 'close';
    next(
      new Problem('shutting-down', 'The server is stopping; Retry-After says when to try again.', {
        retryAfter: 5,
      }),
    );
  };
}

const refusePath: Middleware = (_request, _response, next) => {
  next(new Problem('not-found', 'There is no such resource; /openapi.json lists them all.'));
};

function refuseMethod(operations: readonly AnyOperation[]): Middleware {
  const allow = operations.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : ['POST']));
  return (_request, _response, next) => {
    next(new Problem('method-not-allowed', `This resource takes ${allow.join(', ')}.`, { allow }));
  };
}

function byPath(operations: readonly AnyOperation[]): Map<string, AnyOperation[]> {
  const paths = new Map<string, AnyOperation[]>();
  for (const operation of operations) {
    const methods = paths.get(operation.path) ?? [];
    if (methods.some(({ method }) => method === operation.method)) {
      throw new TypeError(`two operations of ${operation.method} ${operation.path}`);
    }
    paths.set(operation.path, [...methods, operation]);
  }
  return paths;
}

/** `{id}` is express's `:id`, `{+path}` its `*path`. */
function expressPath(path: string): string {
  return path.replace(/\{(\+?)(\w+)\}/g, (_whole, slashes, name) => (slashes ? `*${name}` : `:${name}`));
}
