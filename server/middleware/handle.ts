import { pipeline } from 'node:stream/promises';
import type { Services } from '../context.ts';
import { type AnyOperation, jsonStream, NDJSON, type OperationAnswer } from '../operation.ts';
import { type ApiRequest, type ApiResponse, type Middleware, whenOver } from './exchange.ts';
import type { Polls } from './polls.ts';
import { validate } from './validate.ts';

/** The last step: the request as its handler sees it, the handler, the answer. */
export function handle(
  operation: AnyOperation,
  services: Services,
  polls: Polls,
  stopping: AbortSignal,
): Middleware {
  return async (request, response) => {
    const input = validate(operation, request);
    const { id, caller } = response.locals.exchange;
    let release: (() => void) | undefined;
    const hold = (seconds: number) => {
      release ??= polls.hold(caller?.name ?? '', seconds);
      return endOf(request, response, stopping);
    };
    try {
      const answer = await operation.handle({ ...input, id, caller, hold }, services);
      // Who was let in when a long poll began may have been shut out while it waited.
      if (release !== undefined) await response.locals.exchange.readmit?.();
      if (stopping.aborted) response.locals.exchange.headers['Connection'] = 'close';
      if (jsonStream.safeParse(answer.body).success) await stream(answer, response);
      else send(operation, answer, response);
    } finally {
      release?.();
    }
  };
}

/** A line at a time, as fast as the client takes them; what is behind the last one that it got is its to ask for again. */
async function stream({ body }: OperationAnswer<unknown>, response: ApiResponse): Promise<void> {
  response.writeHead(200, {
    ...response.locals.exchange.headers,
    'Content-Type': NDJSON,
    'Cache-Control': 'no-store',
  });
  try {
    await pipeline(lines(body as AsyncIterable<unknown>), response);
  } catch (error) {
    // A client that goes, or a request that is cut off, ends it.
    if (!response.destroyed) throw error;
  }
}

async function* lines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

/** express's own `send` decides about ETags, charsets and freshness; here everything is known. */
function send({ media }: AnyOperation, answer: OperationAnswer<unknown>, response: ApiResponse): void {
  const { body } = answer;
  const bytes =
    body instanceof Uint8Array
      ? body
      : Buffer.from(typeof body === 'string' && media !== undefined ? body : JSON.stringify(body));
  response.writeHead(answer.status ?? 200, {
    ...response.locals.exchange.headers,
    'Content-Type': media ?? 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    ...answer.headers,
  });
  response.end(bytes);
}

/**
 * Fires when the client has gone, or when the server stops. Not by AbortSignal.any, which would leave
 * a trace of each poll in `stopping` for good.
 */
function endOf(request: ApiRequest, response: ApiResponse, stopping: AbortSignal): AbortSignal {
  const ending = new AbortController();
  const end = () => {
    stopping.removeEventListener('abort', end);
    ending.abort();
  };
  stopping.addEventListener('abort', end);
  if (stopping.aborted) end();
  whenOver(request, response, end);
  return ending.signal;
}
