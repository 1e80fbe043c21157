import { type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type PeerCertificate, type TLSSocket, type TlsOptions } from 'node:tls';
import forge from 'node-forge';
import { makeCa, makeCaCertificate, newSerial } from '../../keys/certificates.ts';
import { generateRsa } from '../../keys/material.ts';

/** Key and certificate of a server, PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** What is wrong with a server's certificate. */
export type Flaw = (typeof flaws)[number];
export const flaws = [
  'expired',
  'not yet valid',
  'for clients alone',
  'for no signatures',
  'named beyond a NUL',
] as const;

/** The CA of the customer's servers: the module believes it, or does not. */
export interface ServerCa {
  readonly pem: string;
  /** The same in a file. */
  readonly file: string;
  /** Key and certificate of a server of that name, PEM. */
  issue(name: string): Promise<Identity>;
  /** The same with one flaw. */
  issueFlawed(name: string, flaw: Flaw): Promise<Identity>;
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
  const pemOf = (secret: KeyObject) => secret.export({ type: 'pkcs1', format: 'pem' }).toString();
  const issue = async (name: string) => {
    const cert = await ca.issueServer({ names: [name], key: own, ...valid() });
    return { key: pemOf(own), cert };
  };
  return {
    pem,
    file,
    issue,
    async issueFlawed(name, flaw) {
      const identity = await issue(name);
      const certificate = forge.pki.certificateFromPem(identity.cert);
      spoil(certificate, name, flaw);
      certificate.sign(forge.pki.privateKeyFromPem(pemOf(key)), forge.md.sha256.create());
      return { ...identity, cert: forge.pki.certificateToPem(certificate) };
    },
    remove: () => rmSync(dir, { recursive: true }),
  };
}

function spoil(certificate: forge.pki.Certificate, name: string, flaw: Flaw): void {
  const day = 86_400_000;
  const change = (extension: string, to: object) =>
    certificate.setExtensions(
      certificate.extensions.map((old) => (old.name === extension ? { name: extension, ...to } : old)),
    );
  switch (flaw) {
    case 'expired':
      certificate.validity.notAfter = new Date(Date.now() - day / 2);
      break;
    case 'not yet valid':
      certificate.validity.notBefore = new Date(Date.now() + day / 2);
      break;
    case 'for clients alone':
      change('extKeyUsage', { clientAuth: true });
      break;
    case 'for no signatures':
      change('keyUsage', { critical: true, keyCertSign: true });
      break;
    case 'named beyond a NUL':
      change('subjectAltName', { altNames: [{ type: 2, value: `${name}\0.false.test` }] });
      break;
  }
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
  versions: Pick<TlsOptions, 'minVersion' | 'maxVersion' | 'ciphers'> = {},
): Promise<CustomerServer> {
  const met: PeerCertificate[] = [];
  const sockets = new Set<TLSSocket>();
  const options = { ...versions, ...identity, ca: deviceCa, requestCert: true, rejectUnauthorized: true };
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
