import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type PeerCertificate, type TLSSocket } from 'node:tls';
import { makeCa, makeCaCertificate, newSerial } from '../../keys/certificates.ts';
import { generateRsa } from '../../keys/material.ts';

/** The CA of the customer's servers: the module believes it, or does not. */
export interface ServerCa {
  readonly pem: string;
  /** The same in a file. */
  readonly file: string;
  /** Key and certificate of a server of that name, PEM. */
  issue(name: string): Promise<{ readonly key: string; readonly cert: string }>;
  remove(): void;
}

export async function serverCa(iss = 'customer.test'): Promise<ServerCa> {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-ca-'));
  const key = await generateRsa(3072);
  const notBefore = new Date(Date.now() - 86_400_000);
  const valid = () => ({
    ...{ serial: newSerial(randomBytes), notBefore },
    notAfter: new Date(notBefore.getTime() + 365 * 86_400_000),
  });
  const pem = await makeCaCertificate(key, iss, valid());
  const ca = makeCa(key, pem, iss);
  const file = join(dir, 'ca.crt');
  writeFileSync(file, pem);
  const own = await generateRsa(3072);
  return {
    pem,
    file,
    async issue(name) {
      const cert = await ca.issueServer({ names: [name], key: own, ...valid() });
      return { key: own.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
    },
    remove: () => rmSync(dir, { recursive: true }),
  };
}

/** A server of the customer's that echoes, and lets in nobody without a certificate of the device CA. */
export interface CustomerServer {
  readonly port: number;
  /** Those whom it let in. */
  readonly met: readonly PeerCertificate[];
  stop(): Promise<void>;
}

/** @param deviceCa PEM of the CA of the modules that it lets in */
export async function customerServer(
  identity: { readonly key: string; readonly cert: string },
  deviceCa: string,
): Promise<CustomerServer> {
  const met: PeerCertificate[] = [];
  const sockets = new Set<TLSSocket>();
  const options = { ...identity, ca: deviceCa, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    if (socket.authorized) met.push(socket.getPeerCertificate());
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    met,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
