import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnlockBundle } from '../protocol/api/bundle.ts';
import { KeySet } from '../protocol/api/keys.ts';
import { logOrigin } from '../protocol/checkpoint.ts';
import { keyObject, type RsaJwk } from '../protocol/jwk.ts';
import type { KeyManifest, Receipt } from '../protocol/messages.ts';
import { formatVerifierKey, noteVerifier } from '../protocol/note.ts';
import { openReader } from '../server/store/sqlite.ts';
import { publicJson } from './public.ts';
import { lastUpload } from './transcript.ts';

/** Leaves every message of the story in files, for other programs to check. */
export async function leave(dir: string, out: string, origin: string): Promise<void> {
  mkdirSync(out, { recursive: true });
  const write = (name: string, content: string) => writeFileSync(join(out, name), content);
  const json = (name: string, value: unknown) => write(name, `${JSON.stringify(value, undefined, 2)}\n`);

  const { roots, manifests } = KeySet.parse(await publicJson(dir, origin, '/v1/keys'));
  const manifest = manifests.at(-1) ?? '';
  json('jwks.json', await publicJson(dir, origin, '/.well-known/jwks.json'));
  json('openapi.json', await publicJson(dir, origin, '/openapi.json'));
  write('keys.jwt', manifest);
  json('root.jwk.json', roots.find(({ kid }) => kid === headerOf(manifest).kid) satisfies RsaJwk | undefined);

  const bundle = UnlockBundle.parse(JSON.parse(readFileSync(join(dir, 'unlock.bundle'), 'utf8')));
  const [grant] = bundle.grants;
  json('device.jwk.json', bundle.device);
  write('bundle.jwt', lastUpload(join(dir, 'transcript.txt'), 'provision'));
  write('challenge.jwt', grant?.challenge ?? '');
  write('token.jwt', grant?.token ?? '');
  for (const event of ['opened', 'closed'] as const) {
    const receipt = bundle.receipts.find((jws) => (payloadOf(jws) as Receipt).event === event);
    write(`receipt-${event}.jwt`, receipt ?? '');
  }
  copyFileSync(join(dir, 'unlock.bundle'), join(out, 'unlock.bundle'));
  copyFileSync(join(dir, 'transcript.txt'), join(out, 'transcript.txt'));

  const { iss, log } = payloadOf(manifest) as KeyManifest;
  const [logKey] = log;
  if (logKey === undefined) throw new Error('the manifest names no log key');
  write('log.pub', `${formatVerifierKey(noteVerifier(logOrigin(iss), keyObject(logKey)))}\n`);
  await leaveLog(join(dir, 'data/latchkey.db'), write);
}

/** The checkpoint and the leaves under it, read as one. */
async function leaveLog(file: string, write: (name: string, content: string) => void): Promise<void> {
  const { read, close } = openReader(file);
  await read.transaction().execute(async (db) => {
    const { checkpoint } = await db.selectFrom('log_head').select('checkpoint').executeTakeFirstOrThrow();
    const leaves = await db.selectFrom('log_leaves').select('leaf').orderBy('idx').execute();
    write('checkpoint', checkpoint);
    write('leaves.ndjson', leaves.map(({ leaf }) => `${Buffer.from(leaf).toString()}\n`).join(''));
  });
  close();
}

function headerOf(jws: string): { kid: string } {
  return JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
}

function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
}
