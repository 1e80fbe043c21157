import type { Kysely } from 'kysely';
import { loadKeks, loadNextKek } from '../../keys/kek.ts';
import { loadMaterial } from '../../keys/load.ts';
import { makeKeys } from '../../keys/material.ts';
import type { Config } from '../config.ts';
import { officerEntrance } from '../decisions/officers.ts';
import { readCopy } from '../log/copy.ts';
import { verifiedTree } from '../log/open.ts';
import { loadPolicy } from '../policy-file.ts';
import { type Ambient, databaseFile, logIdentity, storedManifests } from '../services.ts';
import { MOST_USES, readDataKeys, unwrapAll } from '../store/data-keys.ts';
import { readManifests } from '../store/manifests.ts';
import type { Database } from '../store/schema.ts';
import { openReader } from '../store/sqlite.ts';
import { MEND_KEYS } from './custody.ts';
import { failed, ok, type Probe, warning } from './finding.ts';

const CHECK = 'latchkey-server check says where; docs/operations.md, what to do';
/** A clock may step back this far and nobody minds, in milliseconds. */
const STEP = 5000;

export function stateProbes(config: Config, ambient: Ambient): readonly Probe[] {
  const onDatabase =
    <T>(look: (read: Kysely<Database>) => Promise<T>) =>
    () =>
      reading(config, look);
  return [
    { name: 'manifest', next: MEND_KEYS, look: onDatabase((read) => manifest(read, config, ambient)) },
    {
      name: 'data keys',
      next: 'restore the KEK that belongs to this database',
      look: onDatabase((read) => dataKeys(read, config, ambient)),
    },
    { name: 'log', next: CHECK, look: onDatabase((read) => log(read, config)) },
    { name: 'clock', next: CHECK, look: onDatabase((read) => clock(read, ambient)) },
    { name: 'officers', next: CHECK, look: onDatabase((read) => officers(read, config, ambient)) },
  ];
}

export function policyProbe({ policyFile }: Config): Probe {
  return {
    name: 'policy',
    next: 'mend the policy file',
    look() {
      loadPolicy(policyFile);
      return ok(policyFile ?? 'the default policy');
    },
  };
}

async function reading<T>(config: Config, look: (read: Kysely<Database>) => Promise<T>): Promise<T> {
  const { read, close } = openReader(databaseFile(config));
  try {
    return await look(read);
  } finally {
    close();
  }
}

async function manifest(read: Kysely<Database>, config: Config, { clock, random }: Ambient) {
  const stored = await readManifests(read);
  if (stored.length === 0) return failed('there is none: init was cut off', 'run latchkey-server init again');
  const material = loadMaterial(config, config.iss, clock());
  const { manifests, issuers } = makeKeys(config.iss, material, stored, random);
  return ok(`version ${manifests.at(-1)?.claims.ver} names ${issuers.length} live issuer key(s)`);
}

async function dataKeys(read: Kysely<Database>, config: Config, { random }: Ambient) {
  const rows = await readDataKeys(read);
  unwrapAll(rows, loadKeks(config, random));
  const newest = rows.at(-1);
  if (newest === undefined) return failed('there is none', 'restore a backup of the database');
  const older = rows.length === 1 ? '' : `; ${rows.length - 1} older, whose rows a running server seals anew`;
  const detail = `the KEK opens ${rows.length}; the newest has ${newest.uses} of ${MOST_USES} uses${older}`;
  if (loadNextKek(config, random) === undefined) return ok(detail);
  return warning(
    `${detail}; but a rotation of the KEK has not ended: ${config.kek}.next`,
    'run latchkey-server rotate kek again: it goes on where it stopped, and says what is left to do',
  );
}

async function log(read: Kysely<Database>, config: Config) {
  const manifests = await storedManifests(read, config);
  const copy = readCopy(config.checkpointCopy);
  const tree = await verifiedTree(read, logIdentity(config.iss, manifests.at(-1)?.claims), copy);
  const detail = `${tree?.frontier.size ?? 0} events under a signed checkpoint`;
  if (copy !== undefined) return ok(`${detail}, grown from its copy`);
  return warning(
    `${detail}, but no copy of it at ${config.checkpointCopy}`,
    'was the database restored? Compare its checkpoint with one that a client holds, then start: it makes a copy',
  );
}

async function clock(read: Kysely<Database>, { clock }: Ambient) {
  const newest = await read.selectFrom('log_leaves').select('at').orderBy('idx', 'desc').executeTakeFirst();
  const now = clock();
  const behind = newest === undefined ? 0 : Date.parse(newest.at) - now.getTime();
  if (behind <= STEP) return ok(now.toISOString());
  return failed(
    `it is ${now.toISOString()} here, but the newest event is of ${newest?.at}`,
    'set the clock, and let NTP keep it: certificates and deadlines hang on it',
  );
}

async function officers(read: Kysely<Database>, config: Config, { clock }: Ambient) {
  const entrance = await officerEntrance({ read, config, clock });
  if (entrance !== undefined)
    return ok(`${entrance.officer} can get in until ${entrance.until.toISOString()}`);
  return warning('no officer can get in', 'latchkey-server init makes an enrolment code');
}
