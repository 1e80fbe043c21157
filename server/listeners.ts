import { setMaxListeners } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Problem } from '../protocol/problems.ts';
import { createApp } from './app.ts';
import type { Listener } from './config.ts';
import type { Services } from './context.ts';
import { messageClasses } from './messages.ts';
import { Metrics } from './metrics.ts';
import { type AddressLimit, limitAddresses } from './middleware/limit.ts';
import { problemDocument } from './middleware/problems.ts';
import type { AnyOperation } from './operation.ts';
import { createOps } from './ops.ts';
import { Identity, serverIdentity } from './tls.ts';

/** How often the api looks at its own certificate, in milliseconds. */
const IDENTITY_CHECK = 60_000;
/** How long a client may take for TLS, for its header, for its whole request: slow ones hold nothing up. */
const HANDSHAKE_TIMEOUT = 10_000;
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;
/** Longer than the CLI's own pause between two requests of one unlock. */
const KEEP_ALIVE = 75_000;

/** A server that takes requests. */
export interface Running {
  readonly api: AddressInfo;
  readonly ops: AddressInfo;
  readonly metrics: Metrics;
  readonly identity: Identity;
  /**
   * Takes no new connections, answers long polls, finishes what is under way. The services stay open.
   * @param grace milliseconds after which open connections are cut
   */
  stop(grace: number): Promise<void>;
}

/** Starts both listeners. @throws where an address cannot be listened on */
export async function startListeners(
  services: Services,
  operations: readonly AnyOperation[],
): Promise<Running> {
  const { config } = services;
  const stopping = new AbortController();
  // Each long poll listens to it.
  setMaxListeners(0, stopping.signal);
  const metrics = new Metrics();
  const addresses = limitAddresses(services);
  const app = createApp({ services, operations, metrics, addresses, stopping: stopping.signal });

  const presented = await serverIdentity(services);
  const api = createHttpsServer({
    ...presented.context,
    ...messageClasses(app),
    requestCert: true,
    // The middleware decides, so that it can say why, and may let an expired one renew itself.
    rejectUnauthorized: false,
    headersTimeout: HEADERS_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    keepAliveTimeout: KEEP_ALIVE,
  });
  api.on('request', app);
  // An expectation that nobody knows is ignored (RFC 9110 §10.1.1), not answered by Node without a problem.
  api.on('checkExpectation', app);
  guard(api, addresses);
  const identity = new Identity(services, api, presented);
  const refreshing = setInterval(() => refresh(identity, services), IDENTITY_CHECK).unref();

  const certificate = () => identity.notAfter;
  const ops = createHttpServer(createOps({ services, metrics, certificate, stopping: stopping.signal }));
  const apiAddress = await listen(api, config.api);
  const opsAddress = await listen(ops, config.ops).catch((error: unknown) => {
    // Else the api would serve on, and keep a process alive that says it could not start.
    api.close();
    throw error;
  });
  return {
    api: apiAddress,
    ops: opsAddress,
    metrics,
    identity,
    async stop(grace) {
      clearInterval(refreshing);
      stopping.abort();
      await close(api, grace);
      // Last, so that whoever watches sees the end of it.
      await close(ops, 0);
    },
  };
}

/** What goes wrong before there is a request that app.ts could see. */
function guard(api: HttpsServer, addresses: AddressLimit): void {
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
  });
}

async function refresh(identity: Identity, { diagnostics }: Services): Promise<void> {
  try {
    await identity.refresh();
  } catch (error) {
    diagnostics.error({ err: error }, 'the api could not replace its certificate; it will try again');
  }
}

function listen(server: HttpServer | HttpsServer, { host, port }: Listener): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Idle connections go at once, busy ones when they have their answer, or when the grace is over. */
function close(server: HttpServer | HttpsServer, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), grace);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
