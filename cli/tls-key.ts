import type { z } from 'zod';
import { TlsCertificate } from '../protocol/api/modules.ts';
import { type Csr, csr as csrMessage } from '../protocol/messages.ts';
import { Failure } from './failure.ts';
import { demandFitCertificate } from './fit.ts';
import { ModuleRefusal } from './port/fault.ts';
import type { ModuleClient, ModuleIdentity } from './port/module.ts';
import { claimsOf } from './port/unverified.ts';
import type { Session } from './session.ts';
import type { Trusted } from './trust.ts';

export type CertifiedKey = z.output<typeof TlsCertificate>;

/** What the server answers to a csr, and the keys that its word is held to. */
export type Answered = readonly [certified: CertifiedKey, trusted: Trusted];

/**
 * Has the module's own TLS key certified, which the module makes if need be, and hands it the certificate. Again, it
 * comes to the same: the key and the certificate are those that there are.
 * @param ask takes the csr to the server
 * @throws Failure, PortError
 */
export async function certifyTlsKey(
  module: ModuleClient,
  identity: ModuleIdentity,
  ask: (csr: string) => Promise<Answered>,
): Promise<CertifiedKey> {
  const csr = await refusing(identity, () => module.csr());
  const [certified, trusted] = await ask(csr);
  demandFitCertificate(certified.certificate, identity, keyOf(csr), trusted);
  await refusing(identity, () => module.certificate(certified.certificate));
  return certified;
}

/** What `ask` is where a session with the server is open. */
export async function askServer({ client, trusted }: Session, hwid: string, csr: string): Promise<Answered> {
  const path = `/v1/modules/${encodeURIComponent(hwid)}/tls-certificate`;
  return [await client.post(path, TlsCertificate, { csr }), await trusted()];
}

/** `ModuleClient.csr` gives nothing else. */
function keyOf(csr: string): Csr {
  const claims = claimsOf(csrMessage, csr);
  if (claims === undefined) throw new TypeError('not a csr');
  return claims;
}

/** 913 is about services where it answers a token; here it is about the TLS key. */
async function refusing<T>({ hwid }: ModuleIdentity, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ModuleRefusal) || error.cme !== 913) throw error;
    throw new Failure('port', 'no-tls-key', `Module ${hwid} has no TLS key, or what keeps it fails.`, {
      next: 'Its configuration must name what keeps the key (tls = …, docs/integration.md); its own log says more.',
      details: { cme: 913 },
      cause: error,
    });
  }
}
