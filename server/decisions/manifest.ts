import { decodePayload, openEnvelope } from '../../protocol/jws.ts';
import { type KeyManifest, keyManifest } from '../../protocol/messages.ts';
import type { Services } from '../context.ts';

/** What the manifest that a module holds means for it. */
export interface Held {
  /** Thumbprint of the preferred issuer key that it names and that is live; undefined where none is. */
  readonly issuer: string | undefined;
  /** What to hand to the module, oldest first. */
  readonly manifests: readonly string[];
}

/** Looks up the manifest of version `ver`: one that this server published, so its word is known good. */
export async function heldManifest(services: Services, ver: number): Promise<Held> {
  const { manifests, issuers } = services.keys;
  const claims =
    manifests.find((manifest) => manifest.claims.ver === ver)?.claims ?? (await older(services, ver));
  const named = claims?.keys.map((key) => key.kid) ?? [];
  return {
    issuer: issuers.find(({ kid }) => named.includes(kid))?.kid,
    manifests: manifests.filter((manifest) => manifest.claims.ver > ver).map(({ jws }) => jws),
  };
}

async function older({ read }: Services, ver: number): Promise<KeyManifest | undefined> {
  const row = await read.selectFrom('manifests').select('jws').where('ver', '=', ver).executeTakeFirst();
  return row && decodePayload(keyManifest, openEnvelope(keyManifest, row.jws).payload);
}
