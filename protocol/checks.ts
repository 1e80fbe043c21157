import type { Scope } from './claims.ts';
import type { Cme } from './cme.ts';
import {
  checkSignature,
  decodePayload,
  type KeyStore,
  MessageError,
  openEnvelope,
  verifyMessage,
} from './jws.ts';
import {
  AUDIENCE,
  type Bundle,
  bundle,
  type KeyManifest,
  keyManifest,
  type Refusal,
  type UnlockToken,
  unlockToken,
} from './messages.ts';

/** What a module holds a token against. */
export interface TokenState {
  readonly hwid: string;
  /** `iss` of the manifest held. */
  readonly iss: string;
  /** The issuer keys that the manifest names. */
  readonly keys: KeyStore;
  /** The live challenge; undefined once its nonce is dead. */
  readonly live: { readonly nonce: string; readonly scope: Scope; readonly for: number } | undefined;
  /** Password version in force; 0 before the first. */
  readonly pwv: number;
  /** Unix time, only from a clock that the build trusts; undefined leaves `exp` unchecked. */
  readonly now?: number | undefined;
}

/** `why` and `jti` are those of the `refused` receipt; a refusal without them leaves none. */
export type TokenVerdict =
  | { readonly ok: true; readonly token: UnlockToken }
  | {
      readonly ok: false;
      readonly cme: Cme;
      readonly why?: Refusal;
      readonly jti?: string;
      /** The signature was good, so the nonce is spent. 902 counts instead: the third kills it. */
      readonly nonceDies: boolean;
    };

type Live = NonNullable<TokenState['live']>;

interface Cause {
  readonly cme: Cme;
  readonly why: Refusal;
  passes(token: UnlockToken, state: TokenState, live: Live): boolean;
}

/** What a canonical token with a good signature may still be refused for, in this order. */
const causes: readonly Cause[] = [
  { cme: 901, why: 'audience', passes: ({ aud, iss }, state) => aud === AUDIENCE && iss === state.iss },
  { cme: 903, why: 'module', passes: ({ sub }, { hwid }) => sub === hwid },
  { cme: 904, why: 'nonce', passes: ({ nonce }, _, live) => nonce === live.nonce },
  { cme: 906, why: 'expired', passes: ({ exp }, { now }) => now === undefined || now < exp },
  { cme: 907, why: 'scope', passes: (token, _, live) => token.scope === live.scope && token.for <= live.for },
  { cme: 915, why: 'password', passes: ({ pw }, { pwv }) => pw === undefined || pw.ver > pwv },
];

/**
 * The check of an unlock token, in the order of DESIGN section 4: form of the envelope, live challenge,
 * key, signature; here the nonce dies; form of the payload, then the causes above.
 */
export function checkToken(jws: string, state: TokenState): TokenVerdict {
  let nonceDies = false;
  try {
    const envelope = openEnvelope(unlockToken, jws);
    const { live } = state;
    if (live === undefined) return { ok: false, cme: 904, nonceDies };
    checkSignature(unlockToken, envelope, state.keys);
    nonceDies = true;
    const token = decodePayload(unlockToken, envelope.payload);
    const cause = causes.find(({ passes }) => !passes(token, state, live));
    if (cause === undefined) return { ok: true, token };
    return { ok: false, cme: cause.cme, why: cause.why, jti: token.jti, nonceDies };
  } catch (error) {
    return { ok: false, cme: cmeOf(error), nonceDies };
  }
}

export interface ManifestState {
  /** The two root keys in force: those of the firmware, or the successors that a manifest named. */
  readonly roots: KeyStore;
  /** The manifest held, undefined before the first. */
  readonly held: { readonly jws: string; readonly ver: number } | undefined;
}

/** `again`: the very bytes that are held, so nothing changes and the nonce lives on. */
export type ManifestVerdict =
  | { readonly ok: true; readonly again: true }
  | { readonly ok: true; readonly again: false; readonly manifest: KeyManifest }
  | { readonly ok: false; readonly cme: Cme };

/**
 * The check of a key manifest. The bytes held are known good and stay so, even where they named new
 * roots and the root that signed them is forgotten.
 */
export function checkManifest(jws: string, { roots, held }: ManifestState): ManifestVerdict {
  if (jws === held?.jws) return { ok: true, again: true };
  try {
    const manifest = verifyMessage(keyManifest, jws, roots);
    if (held !== undefined && manifest.ver <= held.ver) return { ok: false, cme: 910 };
    return { ok: true, again: false, manifest };
  } catch (error) {
    return { ok: false, cme: cmeOf(error) };
  }
}

export interface BundleState {
  readonly provisioned: boolean;
  readonly hwid: string;
  /** Thumbprint of the device key. */
  readonly dkt: string;
  /** `iss` of the manifest held, undefined before the first. */
  readonly iss: string | undefined;
  readonly keys: KeyStore;
  /** Password version in force: above 0 after a `reset`. */
  readonly pwv: number;
}

export type BundleVerdict =
  | { readonly ok: true; readonly bundle: Bundle }
  | { readonly ok: false; readonly cme: Cme };

/** The check of a bundle: state, form, key, signature, audience, module, password version. */
export function checkBundle(jws: string, state: BundleState): BundleVerdict {
  if (state.provisioned) return { ok: false, cme: 909 };
  try {
    const claims = verifyMessage(bundle, jws, state.keys);
    const { aud, iss, sub = state.hwid, dkt = state.dkt, pw } = claims;
    if (aud !== AUDIENCE || iss !== state.iss) return { ok: false, cme: 901 };
    if (sub !== state.hwid || dkt !== state.dkt) return { ok: false, cme: 903 };
    if (pw !== undefined && pw.ver <= state.pwv) return { ok: false, cme: 915 };
    return { ok: true, bundle: claims };
  } catch (error) {
    return { ok: false, cme: cmeOf(error) };
  }
}

/** The number of a message's own faults. @throws whatever is not a MessageError */
export function cmeOf(error: unknown): Cme {
  if (!(error instanceof MessageError)) throw error;
  return ({ form: 901, 'unknown-key': 905, signature: 902 } as const)[error.code];
}
