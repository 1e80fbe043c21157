import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { rootsPresent } from '../keys/places.ts';
import type { Services } from './context.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must be so for the server to do its work. A warning does not make it unready. */
export interface Check {
  readonly name: 'log' | 'sealing' | 'manifest' | 'certificate' | 'roots' | 'stopping';
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

export interface OpsOptions {
  readonly services: Services;
  readonly metrics: Metrics;
  /** End of the certificate that the api presents. */
  readonly certificate: () => Date;
  readonly stopping: AbortSignal;
}

/** The ops listener: for the machine's own monitoring, which has no client certificate. */
export function createOps(options: OpsOptions): RequestListener {
  return async (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'GET only\n');
    switch (request.url) {
      case '/healthz':
        return send(response, 200, 'ok\n');
      case '/readyz':
        return ready(options, response);
      case '/metrics':
        return send(response, 200, await options.metrics.text(), 'text/plain; version=0.0.4');
      default:
        return send(response, 404, 'there are /healthz, /readyz and /metrics\n');
    }
  };
}

function ready(options: OpsOptions, response: ServerResponse<IncomingMessage>): void {
  const checks = readiness(options);
  const isReady = checks.every(({ state }) => state !== 'failed');
  send(response, isReady ? 200 : 503, `${JSON.stringify({ ready: isReady, checks })}\n`, 'application/json');
}

export function readiness({ services, certificate, stopping }: OpsOptions): Check[] {
  const { log, sealer, keys, config, clock } = services;
  const newest = keys.manifests.at(-1)?.claims;
  const ends = certificate();
  return [
    check('stopping', !stopping.aborted, 'taking requests', 'the server is stopping'),
    check('log', log.available, 'can be written', 'cannot be written: nothing is granted'),
    check(
      'sealing',
      sealer.usable,
      'the data key has uses left',
      'the data key has no uses left: nothing is granted',
    ),
    check('manifest', newest !== undefined, `version ${newest?.ver} is in force`, 'there is none'),
    check('certificate', ends > clock(), `ends ${ends.toISOString()}`, `ended ${ends.toISOString()}`),
    rootsPresent(config)
      ? {
          name: 'roots',
          state: 'warning',
          detail: `root private keys are in ${config.roots}: move them to where no network is`,
        }
      : { name: 'roots', state: 'ok', detail: 'root private keys are elsewhere' },
  ];
}

function check(name: Check['name'], holds: boolean, good: string, bad: string): Check {
  return holds ? { name, state: 'ok', detail: good } : { name, state: 'failed', detail: bad };
}

function send(
  response: ServerResponse<IncomingMessage>,
  status: number,
  body: string,
  type = 'text/plain',
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
  });
  response.end(bytes);
}
