import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createKeys } from '../keys/create.ts';
import type { Keys } from '../keys/keys.ts';
import { loadMaterial, loadRootPrivate } from '../keys/load.ts';
import { signManifest } from '../keys/manifest.ts';
import { makeKeys } from '../keys/material.ts';
import { requireKekOutside } from '../keys/places.ts';
import { logKey, pssKey } from '../keys/sign.ts';
import { SERVER } from '../protocol/events.ts';
import type { SignedManifest } from '../protocol/manifests.ts';
import type { Config } from './config.ts';
import type { Tx } from './log/log.ts';
import { type Ambient, databaseFile, openConfiguredLog } from './services.ts';
import { newDataKey } from './store/data-keys.ts';
import { manifestRow, readManifests } from './store/manifests.ts';
import { openSqlite } from './store/sqlite.ts';
import type { Store } from './store/store.ts';

/**
 * Makes a server where there is none: keys, database, the first manifest, the first data key, and the
 * events that begin the log. What a run that was cut off left is finished; one commit at the end makes
 * it a server, and from then on this changes nothing.
 * @returns true where it made one now
 */
export async function makeServer(config: Config, ambient: Ambient): Promise<boolean> {
  requireKekOutside(config);
  if (!existsSync(databaseFile(config))) await ceremony(config, ambient);
  const store = await openSqlite(databaseFile(config));
  try {
    if ((await readManifests(store.read)).length > 0) return false;
    await ceremony(config, ambient);
    await begin(store, config, ambient);
    return true;
  } finally {
    await store.close();
  }
}

function ceremony({ iss, ...config }: Config, { clock, random }: Ambient): Promise<void> {
  return createKeys(config, { iss, now: clock(), random });
}

async function begin(store: Store, config: Config, ambient: Ambient): Promise<void> {
  const { iss } = config;
  const material = loadMaterial(config, iss, ambient.clock());
  const claims = {
    iss,
    ver: 1,
    keys: material.issuers.map((key) => pssKey(key).jwk),
    log: [logKey(material.log).jwk],
  };
  const manifest = await signManifest(claims, pssKey(loadRootPrivate(config)));
  const keys = makeKeys(iss, material, [manifest.jws], ambient.random);
  const dataKey = newDataKey({ ...ambient, kek: keys.kek });
  const log = await openConfiguredLog(store, keys, config, ambient);
  try {
    await log.commit((tx) => writeGenesis(tx, keys, manifest, dataKey));
  } finally {
    await log.close();
  }
}

async function writeGenesis(
  { db, append }: Tx,
  { iss, roots, ca, log }: Keys,
  manifest: SignedManifest,
  dataKey: ReturnType<typeof newDataKey>,
): Promise<void> {
  await db.insertInto('manifests').values(manifestRow(manifest)).execute();
  await db.insertInto('data_keys').values(dataKey).execute();
  const by = SERVER;
  const { claims, jws } = manifest;
  await append({
    type: 'server.initialized',
    by,
    iss,
    roots: roots.map(({ kid }) => kid),
    ca: ca.fingerprint,
    log: log.jwk.kid,
  });
  await append({
    type: 'keys.published',
    by,
    ver: claims.ver,
    keys: claims.keys.map(({ kid }) => kid),
    log: claims.log.map(({ kid }) => kid),
    dig: hash('sha256', jws, 'base64url'),
  });
}
