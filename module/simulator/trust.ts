import { checkManifest } from '../../protocol/checks.ts';
import type { RsaJwk } from '../../protocol/jwk.ts';
import { decodePayload, type KeyStore, openEnvelope } from '../../protocol/jws.ts';
import { keyStore } from '../../protocol/manifests.ts';
import { type KeyManifest, keyManifest } from '../../protocol/messages.ts';
import type { Flash } from './flash.ts';
import { Refusal } from './refusal.ts';

/** Whom the module believes: the roots of its firmware or their successors, and the manifest held. */
export class Trust {
  #manifest: KeyManifest | undefined;
  readonly #flash: Flash;
  readonly #firmwareRoots: readonly RsaJwk[];

  constructor(flash: Flash, firmwareRoots: readonly RsaJwk[]) {
    this.#flash = flash;
    this.#firmwareRoots = firmwareRoots;
    const { manifest } = flash.state;
    if (manifest !== null) this.#manifest = readManifest(manifest);
  }

  /** The issuer's name; undefined before the first manifest. */
  get iss(): string | undefined {
    return this.#manifest?.iss;
  }

  /** Version of the manifest held, 0 before the first. */
  get ver(): number {
    return this.#manifest?.ver ?? 0;
  }

  /** The issuer keys that the manifest held names, and no other. */
  get issuerKeys(): KeyStore {
    return keyStore(this.#manifest?.keys ?? []);
  }

  /**
   * Takes a newer manifest, and its `roots` for those of the firmware.
   * @returns false where it is the one held already
   * @throws Refusal
   */
  accept(jws: string): boolean {
    const { manifest: held, roots } = this.#flash.state;
    const verdict = checkManifest(jws, {
      roots: keyStore(roots ?? this.#firmwareRoots),
      held: held === null ? undefined : { jws: held, ver: this.ver },
    });
    if (!verdict.ok) throw new Refusal(verdict.cme);
    if (verdict.again) return false;
    const [first, second] = verdict.manifest.roots ?? [];
    this.#flash.update({ manifest: jws, ...(first && second && { roots: [first, second] }) });
    this.#manifest = verdict.manifest;
    return true;
  }
}

/** Its signature was checked when it came; the root that made it may be forgotten by now. */
function readManifest(jws: string): KeyManifest {
  return decodePayload(keyManifest, openEnvelope(keyManifest, jws).payload);
}
