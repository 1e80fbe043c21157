import { decodeBase64url } from './base64url.ts';
import { cmeOf } from './checks.ts';
import type { Cme } from './cme.ts';
import { p256PublicKeyInfo, subjectPublicKeyInfo } from './der.ts';
import { type KeyStore, verifyMessage } from './jws.ts';
import { AUDIENCE, type Certificate, certificate } from './messages.ts';

/** What a module holds a certificate for its TLS key against. */
export interface CertificateState {
  readonly provisioned: boolean;
  readonly hwid: string;
  /** Thumbprint of the device key. */
  readonly dkt: string;
  /** `iss` of the manifest held. */
  readonly iss: string | undefined;
  /** The issuer keys that the manifest names. */
  readonly keys: KeyStore;
  /** The public half of the module's TLS key; undefined before its first `csr`. */
  readonly tls: { readonly x: string; readonly y: string } | undefined;
}

export type CertificateVerdict =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly cme: Cme };

/** The check of a certificate: state, form, key, signature, audience, module, and the key that it certifies. */
export function checkCertificate(jws: string, state: CertificateState): CertificateVerdict {
  if (!state.provisioned) return { ok: false, cme: 911 };
  try {
    const claims = verifyMessage(certificate, jws, state.keys);
    const { aud, iss, sub, dkt, crt } = claims;
    if (aud !== AUDIENCE || iss !== state.iss) return { ok: false, cme: 901 };
    if (sub !== state.hwid || dkt !== state.dkt) return { ok: false, cme: 903 };
    if (state.tls === undefined || !certifies(crt, state.tls)) return { ok: false, cme: 903 };
    return { ok: true, certificate: claims };
  } catch (error) {
    return { ok: false, cme: cmeOf(error) };
  }
}

/** True where the certificate (DER in base64url) is for this key. */
export function certifies(crt: string, { x, y }: { readonly x: string; readonly y: string }): boolean {
  const found = subjectPublicKeyInfo(decodeBase64url(crt) ?? new Uint8Array());
  return found !== undefined && p256PublicKeyInfo(x, y).equals(found);
}
