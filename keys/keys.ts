import type { KeyObject } from 'node:crypto';
import type { OkpJwk, RsaJwk } from '../protocol/jwk.ts';
import type { Signer } from '../protocol/jws.ts';
import type { SignedManifest } from '../protocol/manifests.ts';

/** An issuer key that is live: `jwk` is its public half, as the manifest names it. */
export interface IssuerKey extends Signer {
  readonly alg: 'PS256';
  readonly jwk: RsaJwk;
}

/** Ed25519 key that signs checkpoints. */
export interface LogKey {
  readonly jwk: OkpJwk;
  sign(bytes: Uint8Array): Uint8Array;
}

/** Signs client and server certificates with the access CA's key. All times are given by the caller. */
export interface AccessCa {
  /** PEM. */
  readonly certificate: string;
  /** SHA-256 over the CA certificate's DER, base64url: the fingerprint in enrolment codes. */
  readonly fingerprint: string;
  /** @returns PEM of a client certificate with SAN URI `urn:latchkey:<kind>:<name>` (clientAuth). */
  issueClient(request: ClientCertificateRequest): Promise<string>;
  /** @returns PEM of a certificate for the api's own TLS key (serverAuth), SANs as given. */
  issueServer(request: ServerCertificateRequest): Promise<string>;
}

/** Certifies the TLS keys of modules. It is trusted for these and nothing else; the access CA is another. */
export interface DeviceCa {
  /** PEM: what the customer's servers trust. */
  readonly certificate: string;
  /** SHA-256 over the CA certificate's DER, base64url. */
  readonly fingerprint: string;
  /** No certificate of it outlives it. */
  readonly ends: Date;
  /** @returns DER of a certificate with subject `CN=<hwid>` and URI `urn:latchkey:module:<hwid>` (clientAuth) */
  certify(request: ModuleCertificateRequest): Promise<Uint8Array>;
}

export interface ModuleCertificateRequest {
  readonly hwid: string;
  /** P-256 public key. */
  readonly key: KeyObject;
  /** From `newSerial`. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface ClientCertificateRequest {
  readonly kind: 'person' | 'station';
  readonly name: string;
  /** RSA public key. */
  readonly key: KeyObject;
  /** From `newSerial`. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface ServerCertificateRequest {
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  /** RSA public key. */
  readonly key: KeyObject;
  /** From `newSerial`. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Everything the running server signs, seals and checks with. The root private keys are not among it. */
export interface Keys {
  /** Issuer name without scheme, for instance `latchkey.example.com`. */
  readonly iss: string;
  /** Live issuer keys, preferred first. */
  readonly issuers: readonly IssuerKey[];
  readonly log: LogKey;
  /** Public halves of root A and root B, as firmware and enrolment codes carry them. */
  readonly roots: readonly [RsaJwk, RsaJwk];
  /** The newest manifest last; before it, in order, each later one that names `roots`. */
  readonly manifests: readonly SignedManifest[];
  readonly ca: AccessCa;
  /** Undefined in what looks at a server that was made before there was one: its next start makes it. */
  readonly deviceCa: DeviceCa | undefined;
  /** Private RSA-3072 key of the api's TLS; its certificate is issued by `ca` at each start. */
  readonly tls: KeyObject;
  /** Key-encrypting key: wraps data keys. */
  readonly kek: KeyEncryptingKey;
}

export interface KeyEncryptingKey {
  wrap(dataKey: Uint8Array, id: string): Uint8Array;
  /** @throws where the wrapped bytes were not made by this KEK for this id */
  unwrap(wrapped: Uint8Array, id: string): Uint8Array;
}

/** What a sealed row is for: it opens only under the same purpose, subject and version. */
export interface SealedFor {
  readonly purpose: 'password' | 'challenge' | 'token' | 'bundle' | 'enrolment';
  /** hwid, or the id of the row's own. */
  readonly subject: string;
  readonly version: number;
}

/** AES-256-GCM under the newest data key; the associated data are purpose, subject, version. */
export interface Sealer {
  /** False while nothing can be sealed. */
  readonly usable: boolean;
  seal(plain: Uint8Array, sealedFor: SealedFor): Uint8Array;
  /** @throws where the bytes were not sealed for exactly this */
  open(sealed: Uint8Array, sealedFor: SealedFor): Uint8Array;
}
