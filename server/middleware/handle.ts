import { pipeline } from 'node:stream/promises';
import { joined } from '../../protocol/lines.ts';
import type { Services } from '../context.ts';
import { type AnyOperation, jsonStream, NDJSON, type OperationAnswer } from '../operation.ts';
import { type ApiRequest, type ApiResponse, type Middleware, whenOver } from './exchange.ts';
import type { Polls } from './polls.ts';
import { toProblem } from './problems.ts';
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
      if (jsonStream.safeParse(answer.body).success) await stream(operation, answer, response);
      else send(operation, answer, response);
    } finally {
      release?.();
    }
  };
}

/** Lines of an answer between two looks whether who reads them is still in. */
const LOOK = 100;

/** A line at a time, as fast as the client takes them; what is behind the last one that it got is its to ask for again. */
async function stream(
  { method }: AnyOperation,
  { body }: OperationAnswer<unknown>,
  response: ApiResponse,
): Promise<void> {
  const { headers, readmit } = response.locals.exchange;
  // What changes something is decided line by line, and each line is told.
  const look = method === 'get' ? readmit : undefined;
  let fault: { readonly cause: unknown } | undefined;
  async function* told(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
    try {
      yield* lines(values, look);
    } catch (cause) {
      // A client that goes, or a request that is cut off, ends it too.
      if (response.socket?.destroyed === false) {
        fault = { cause };
        // Now, since the request's diagnostic line is written as soon as the answer is cut.
        response.locals.exchange.problem = toProblem(cause).code;
      }
      throw cause;
    }
  }
  response.writeHead(200, { ...headers, 'Content-Type': NDJSON, 'Cache-Control': 'no-store' });
  await pipeline(joined(told(body as AsyncIterable<unknown>)), response).catch(() => {});
  if (fault !== undefined) throw fault.cause;
}

async function* lines(
  values: AsyncIterable<unknown>,
  look?: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const value of values) {
    yield Buffer.from(`${JSON.stringify(value)}\n`);
    count += 1;
    if (count % LOOK === 0) await look?.();
  }
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
