import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { decodeBase64url } from '../../protocol/base64url.ts';
import type { EcJwk } from '../../protocol/jwk.ts';
import { makeDeviceKey, readDeviceKey } from './device-key.ts';
import type { Flash } from './flash.ts';
import { Refusal } from './refusal.ts';
import { seal, unseal } from './seal.ts';

/** What node:tls takes, PEM: the module as a client of the customer's servers. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/** Key as PKCS #8 PEM, certificate as DER in base64url. */
const Sealed = z.strictObject({ key: z.string(), certificate: z.string().nullable() });

/** The module's own TLS key (docs/protocol.md §6.6): on flash it is sealed to the hardware ID. */
export class TlsKey {
  readonly #flash: Flash;

  constructor(flash: Flash) {
    this.#flash = flash;
  }

  /**
   * The key held, with its certificate; undefined before the first `csr`.
   * @throws Refusal 913 where it was sealed to another module
   */
  held(): (z.infer<typeof Sealed> & { readonly jwk: EcJwk }) | undefined {
    const { hwid, tls } = this.#flash.state;
    if (tls === null) return undefined;
    const opened = unseal(tls, hwid);
    if (opened === undefined) throw new Refusal(913);
    const held = Sealed.parse(JSON.parse(opened));
    return { ...held, jwk: readDeviceKey(held.key).jwk };
  }

  /**
   * The public half, of a new key where there is none yet.
   * @throws Refusal 913, 914
   */
  public(): EcJwk {
    const held = this.held();
    if (held !== undefined) return held.jwk;
    const key = makeDeviceKey();
    this.#keep({ key, certificate: null });
    return readDeviceKey(key).jwk;
  }

  /**
   * Keeps the certificate of the key held.
   * @param crt DER in base64url
   * @throws Refusal 914
   */
  certify(crt: string): void {
    const held = this.held();
    if (held !== undefined && held.certificate !== crt) this.#keep({ key: held.key, certificate: crt });
  }

  identity(): TlsIdentity | undefined {
    const held = this.held();
    const der = held?.certificate ? decodeBase64url(held.certificate) : undefined;
    return held && der && { key: held.key, cert: new X509Certificate(der).toString() };
  }

  #keep(held: z.infer<typeof Sealed>): void {
    this.#flash.update({ tls: seal(JSON.stringify(held), this.#flash.state.hwid) });
  }
}
