import type { Server as HttpServer, IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Problem } from '../protocol/problems.ts';
import type { AddressLimit } from './middleware/limit.ts';
import { problemDocument } from './middleware/problems.ts';

/** How long a client may take for what, in milliseconds: slow ones hold nothing up, silent ones go. */
export interface Timeouts {
  readonly handshake: number;
  /** For a request's header, from the connection's first moment or the request's first byte. */
  readonly headers: number;
  readonly request: number;
  /** Until the next request. Longer than the CLI's own pause between two requests of one unlock. */
  readonly keepAlive: number;
  /** Without a byte either way, which ends whoever does not read his answer. Longer than a long poll. */
  readonly silence: number;
  /** To hang up, once it was told that it took too long, or does not speak HTTP. */
  readonly linger: number;
  /** How often Node looks for headers and requests that are over their time. */
  readonly check: number;
}

export const TIMEOUTS: Timeouts = {
  handshake: 10_000,
  headers: 10_000,
  request: 30_000,
  keepAlive: 75_000,
  silence: 90_000,
  linger: 2000,
  check: 5000,
};

/** The times that Node's HTTP servers take at birth; `silence` is set afterwards, and `request` by setDeadline. */
export function httpTimeouts({ headers, keepAlive, check }: Timeouts): ServerOptions {
  return {
    headersTimeout: headers,
    requestTimeout: 0,
    keepAliveTimeout: keepAlive,
    connectionsCheckingInterval: check,
  };
}

interface Deadline {
  lift(): void;
  set(): void;
}

const deadlines = new WeakMap<IncomingMessage, Deadline>();

/** A request must have come as a whole by then. Node's own requestTimeout knows no exceptions. */
export function setDeadline(
  server: HttpServer | HttpsServer,
  request: IncomingMessage,
  { request: ms }: Timeouts,
): void {
  const expire = () => {
    if (request.complete || request.socket.destroyed) return;
    const late = Object.assign(new Error('the request took too long'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    if (!server.emit('clientError', late, request.socket)) request.socket.destroy();
  };
  let timer: NodeJS.Timeout | undefined;
  const lift = () => clearTimeout(timer);
  const set = () => {
    lift();
    if (!request.complete) timer = setTimeout(expire, ms).unref();
  };
  set();
  deadlines.set(request, { lift, set });
  request.once('end', lift).once('close', lift);
}

/** This request may take as long as it is answered: until then, only silence ends it. */
export function liftDeadline(request: IncomingMessage, response: ServerResponse): void {
  const deadline = deadlines.get(request);
  deadline?.lift();
  // What is sent on behind the last answer is read by nobody.
  response.once('finish', () => deadline?.set());
}

/** Connections above `most` are closed before they cost anything; so a flood of them ends nothing but itself. */
export function bound(server: HttpServer | HttpsServer, most: number, { silence }: Timeouts): void {
  server.maxConnections = most;
  server.timeout = silence;
}

/** What goes wrong before there is a request that app.ts could see. */
export function guard(api: HttpsServer, addresses: AddressLimit, { linger }: Timeouts): void {
  // 'connection' is TCP's, before the handshake.
  api.on('connection', (socket: Socket) => {
    if (!addresses.connect(socket.remoteAddress)) socket.destroy();
  });
  api.on('clientError', (error: Error & { code?: string }, socket) => {
    const speaksHttp = error.code?.startsWith('HPE_') || error.code?.startsWith('ERR_HTTP_');
    if (!speaksHttp || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = new Problem('invalid-request', 'This is not HTTP/1.1, too long, or took too long.');
    const body = JSON.stringify(problemDocument(problem, 'none'));
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    // Not at once, since a reset would overtake the answer (RFC 9112 §9.6); nor when the client likes.
    setTimeout(() => socket.destroy(), linger).unref();
  });
}
