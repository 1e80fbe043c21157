import { setMaxListeners } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.ts';
import type { Listener } from './config.ts';
import type { Services } from './context.ts';
import { messageClasses } from './messages.ts';
import { Metrics } from './metrics.ts';
import { limitAddresses } from './middleware/limit.ts';
import type { AnyOperation } from './operation.ts';
import { createOps } from './ops.ts';
import { bound, guard, httpTimeouts, setDeadline, TIMEOUTS } from './sockets.ts';
import { originForm } from './target.ts';
import { Identity, serverIdentity } from './tls.ts';

/** How often the api looks at its own certificate, in milliseconds. */
const IDENTITY_CHECK = 60_000;
/** For the machine's own monitoring, which needs one or two. */
const OPS_CONNECTIONS = 64;

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
  timeouts = TIMEOUTS,
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
    ...httpTimeouts(timeouts),
    handshakeTimeout: timeouts.handshake,
  });
  const answer: RequestListener = (request, response) => {
    setDeadline(api, request, timeouts);
    request.url = originForm(request.url ?? '');
    app(request, response);
  };
  api.on('request', answer);
  // An expectation that nobody knows is ignored (RFC 9110 §10.1.1), not answered by Node without a problem.
  api.on('checkExpectation', answer);
  guard(api, addresses, timeouts);
  bound(api, config.limits.connections, timeouts);
  metrics.gauge('latchkey_connections', 'Open connections to the api.', () => connections(api));
  const identity = new Identity(services, api, presented);
  const refreshing = setInterval(() => refresh(identity, services), IDENTITY_CHECK).unref();

  const certificate = () => identity.notAfter;
  const ops = createHttpServer(
    httpTimeouts(timeouts),
    createOps({ services, metrics, certificate, stopping: stopping.signal }),
  );
  ops.on('request', (request) => setDeadline(ops, request, timeouts));
  bound(ops, OPS_CONNECTIONS, timeouts);
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

async function refresh(identity: Identity, { diagnostics }: Services): Promise<void> {
  try {
    await identity.refresh();
  } catch (error) {
    diagnostics.error({ err: error }, 'the api could not replace its certificate; it will try again');
  }
}

function connections(server: HttpsServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
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
