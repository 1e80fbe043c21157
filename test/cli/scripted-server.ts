import { randomBytes, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { newSerial } from '../../keys/certificates.ts';
import { encodeEnrolmentCode } from '../../protocol/enrolment-code.ts';
import { testKeys } from '../fixture/keys.ts';
import { ScriptedLog } from './scripted-log.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Serial of the client certificate, as OpenSSL writes it; undefined where none was shown. */
  readonly serial: string | undefined;
}

export interface Said {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `hang-up` breaks the connection instead of answering. */
export type Route = (seen: Seen) => Said | 'hang-up' | Promise<Said | 'hang-up'>;

/**
 * A server that says what a test tells it to, over real TLS with certificates of the test's CA. It can
 * be wrong in ways that the real one never is.
 */
export interface ScriptedServer {
  readonly origin: string;
  /** By `METHOD path`, without the query. */
  readonly routes: Map<string, Route>;
  readonly seen: Seen[];
  readonly log: ScriptedLog;
  /** What its Date headers say; the real time until a test sets it. */
  clock: () => Date;
  code(secret?: Uint8Array): string;
  close(): Promise<void>;
}

export async function scriptedServer(
  validity = { from: '2020-01-01', to: '2049-01-01' },
): Promise<ScriptedServer> {
  const { keys, material } = await testKeys();
  const cert = await keys.ca.issueServer({
    names: ['localhost', '127.0.0.1'],
    key: material.tls,
    serial: newSerial(randomBytes),
    notBefore: new Date(validity.from),
    notAfter: new Date(validity.to),
  });
  const log = await ScriptedLog.create(keys);
  const routes = new Map<string, Route>();
  const seen: Seen[] = [];
  const server = createServer({
    cert: cert + keys.ca.certificate,
    key: material.tls.export({ type: 'pkcs8', format: 'pem' }),
    ca: keys.ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  });
  server.on('request', async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const path = request.url ?? '';
    const { raw } = (request.socket as TLSSocket).getPeerCertificate();
    const one: Seen = {
      method: request.method ?? '',
      path,
      body: text === '' ? undefined : JSON.parse(text),
      headers: request.headers,
      serial: raw && new X509Certificate(raw).serialNumber.toLowerCase(),
    };
    seen.push(one);
    const route = routes.get(`${one.method} ${path.replace(/\?.*/, '')}`);
    const said = route ? await route(one) : (log.answer(path) ?? { status: 404, body: problem('not-found') });
    if (said === 'hang-up') {
      request.socket.destroy();
      return;
    }
    const { status = 200, body, headers = {} } = said;
    response.writeHead(status, { date: self.clock().toUTCString(), ...headers });
    response.end(typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { iss, roots, manifests } = keys;
  routes.set('GET /v1/keys', () => ({ body: { iss, roots, manifests: manifests.map(({ jws }) => jws) } }));
  const [first, second] = keys.roots;
  const self: ScriptedServer = {
    origin,
    clock: () => new Date(),
    routes,
    seen,
    log,
    code: (secret = randomBytes(32)) =>
      encodeEnrolmentCode({
        server: origin,
        ca: keys.ca.fingerprint,
        roots: [first.kid, second.kid],
        secret: Buffer.from(secret).toString('base64url'),
      }),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return self;
}

/** A problem document as the real server writes it. */
export function problem(code: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    type: `urn:latchkey:problem:${code}`,
    title: code,
    detail: `${code}.`,
    code,
    request: 'r1',
    ...more,
  };
}
