import type { Services } from '../context.ts';
import type { AnyOperation, OperationAnswer } from '../operation.ts';
import type { ApiResponse, Middleware } from './exchange.ts';
import { validate } from './validate.ts';

/** The last step: the request as its handler sees it, the handler, the answer. */
export function handle(operation: AnyOperation, services: Services, stopping: AbortSignal): Middleware {
  return async (request, response) => {
    const input = validate(operation, request);
    const { id, caller } = response.locals.exchange;
    let signal: AbortSignal | undefined;
    const answer = await operation.handle(
      {
        ...input,
        id,
        caller,
        get signal() {
          signal ??= endOf(response, stopping);
          return signal;
        },
      },
      services,
    );
    // Who was let in when a long poll began may have been shut out while it waited.
    if (signal !== undefined) await response.locals.exchange.readmit?.();
    if (stopping.aborted) response.locals.exchange.headers['Connection'] = 'close';
    send(operation, answer, response);
  };
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

/** Fires when the client has gone, or when the server stops. */
function endOf(response: ApiResponse, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  else response.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, stopping]);
}
