import { createPublicKey } from 'node:crypto';
import type { SecureContextOptions, Server } from 'node:tls';
import { newSerial } from '../keys/certificates.ts';
import type { Services } from './context.ts';

const HOUR = 3_600_000;
/** A server certificate lasts a week, and is replaced when a third of it is left. */
const LIFE = 7 * 24 * HOUR;
const LEFT = LIFE / 3;
/** Clients' clocks may be behind. */
const BACKDATED = HOUR;

/** What the api's TLS presents, and until when. */
export interface ServerIdentity {
  readonly context: SecureContextOptions;
  readonly notAfter: Date;
}

/**
 * A certificate for the api's own key, with the CA's in the chain: a client that has only an
 * enrolment code compares the CA's fingerprint.
 */
export async function serverIdentity({ keys, config, clock, random }: Services): Promise<ServerIdentity> {
  const now = clock().getTime();
  const notAfter = new Date(now + LIFE);
  const leaf = await keys.ca.issueServer({
    names: config.api.names,
    key: createPublicKey(keys.tls),
    serial: newSerial(random),
    notBefore: new Date(now - BACKDATED),
    notAfter,
  });
  const { certificate: ca } = keys.ca;
  const key = keys.tls.export({ type: 'pkcs8', format: 'pem' });
  return { context: { minVersion: 'TLSv1.3', key, cert: leaf + ca, ca }, notAfter };
}

/** Keeps a listener's certificate fresh; connections that are open go on. */
export class Identity {
  readonly #services: Services;
  readonly #server: Pick<Server, 'setSecureContext'>;
  #current: ServerIdentity;

  constructor(services: Services, server: Pick<Server, 'setSecureContext'>, current: ServerIdentity) {
    this.#services = services;
    this.#server = server;
    this.#current = current;
  }

  get notAfter(): Date {
    return this.#current.notAfter;
  }

  /** Replaces the certificate where little of it is left. @returns true where it did */
  async refresh(): Promise<boolean> {
    const left = this.notAfter.getTime() - this.#services.clock().getTime();
    if (left > LEFT) return false;
    this.#current = await serverIdentity(this.#services);
    this.#server.setSecureContext(this.#current.context);
    this.#services.diagnostics.info({ notAfter: this.notAfter }, 'the api has a new certificate');
    return true;
  }
}
