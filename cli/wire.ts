import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { joined } from '../protocol/lines.ts';

/** Answers larger than this are not ours. */
const MOST_BYTES = 16 * 1024 * 1024;

export interface WireRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds without a byte after which the server counts as silent. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface WireStream extends Omit<WireRequest, 'body'> {
  /** The body, as fast as the server takes it. */
  readonly sent?: AsyncIterable<Uint8Array> | undefined;
}

export interface WireStreamed {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
}

/** One server under TLS 1.3, its connections kept alive. Failures are Node's own errors: see faults.ts. */
export interface Wire {
  send(request: WireRequest): Promise<WireAnswer>;
  /** For streams: the answer is there once it begins, while what is sent may go on. */
  stream(request: WireStream): Promise<WireStreamed>;
  close(): void;
}

export interface WireTrust {
  /** The one CA that counts, PEM. */
  readonly ca: string;
  /** Client certificate and key, PEM; without them only open operations answer. */
  readonly cert?: string;
  readonly key?: string;
}

export function openWire(server: string, trust: WireTrust): Wire {
  const agent = new Agent({ ...trust, keepAlive: true, maxSockets: 4, minVersion: 'TLSv1.3' });
  return {
    send: (sent) => send(new URL(sent.path, server), agent, sent),
    stream: (sent) => stream(new URL(sent.path, server), agent, sent),
    close: () => agent.destroy(),
  };
}

function stream(url: URL, agent: Agent, { method, headers, sent, timeout, signal }: WireStream) {
  return new Promise<WireStreamed>((resolve, reject) => {
    const outgoing = request(url, { method, agent, signal, timeout, headers: { ...headers } });
    outgoing.once('timeout', () => outgoing.destroy(silence(url.host, timeout)));
    outgoing.on('error', reject);
    outgoing.once('response', (body) =>
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body }),
    );
    // What goes wrong with it shows in the answer, or as the request's error.
    if (sent === undefined) outgoing.end();
    else pipeline(joined(sent), outgoing).catch(() => {});
  });
}

function send(url: URL, agent: Agent, { method, headers, body, timeout, signal }: WireRequest) {
  return new Promise<WireAnswer>((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method, agent, signal, timeout, headers: { ...headers, ...length } });
    outgoing.once('timeout', () => outgoing.destroy(silence(url.host, timeout)));
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MOST_BYTES) incoming.destroy(new Error(`the answer is over ${MOST_BYTES} bytes`));
        else chunks.push(chunk);
      });
      incoming.once('error', reject);
      incoming.once('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.end(body);
  });
}

function silence(host: string, timeout: number): Error {
  return Object.assign(new Error(`${host} was silent for ${timeout / 1000} s`), { code: 'ETIMEDOUT' });
}

/** A certificate as the server showed it, which proves nothing: DER, and until when it is valid. */
export interface ShownCertificate {
  readonly der: Buffer;
  readonly from: Date;
  readonly to: Date;
}

/**
 * The chain that a server shows, its own certificate first. Nothing is sent to it and nothing in the
 * chain is checked: this is for finding a CA by its fingerprint, and for saying why a check failed.
 */
export function shownChain(server: string, signal: AbortSignal): Promise<ShownCertificate[]> {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const options = { host, port: Number(port || 443), rejectUnauthorized: false, timeout: 30_000 };
    const socket = connect({
      ...options,
      minVersion: 'TLSv1.3',
      ...(isAddress(host) ? {} : { servername: host }),
    });
    const abort = () => socket.destroy(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('timeout', () => socket.destroy(silence(server, 30_000)));
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('secureConnect', () => {
      resolve(unroll(socket.getPeerCertificate(true)));
      socket.destroy();
    });
  });
}

function isAddress(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(':');
}

function unroll(first: DetailedPeerCertificate): ShownCertificate[] {
  const chain: ShownCertificate[] = [];
  for (let next: DetailedPeerCertificate | undefined = first; next?.raw; next = next.issuerCertificate) {
    const { raw } = next;
    if (chain.some(({ der }) => der.equals(raw))) break;
    chain.push({ der: raw, from: new Date(next.valid_from), to: new Date(next.valid_to) });
  }
  return chain;
}
