import type { Insertable, Kysely } from 'kysely';
import type { SignedManifest } from '../../protocol/manifests.ts';
import type { Database } from './schema.ts';

/**
 * What somebody needs who has nothing but the first roots: the newest manifest, and before it, in
 * order, each later one that names roots. Empty before `init`.
 */
export async function readManifests(read: Kysely<Database>): Promise<readonly string[]> {
  const rows = await read.selectFrom('manifests').selectAll().orderBy('ver').execute();
  return rows
    .filter((row, place) => row.names_roots === 1 || place === rows.length - 1)
    .map(({ jws }) => jws);
}

export function manifestRow({ jws, claims }: SignedManifest): Insertable<Database['manifests']> {
  return { ver: claims.ver, jws, names_roots: claims.roots === undefined ? 0 : 1 };
}
