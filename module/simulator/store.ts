import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { hwid, nextPassword, rsaKey, scope, uuid7 } from '../../protocol/claims.ts';

const claim = <T>(kind: { read(value: unknown): T | undefined }) =>
  z.custom<T>((value) => kind.read(value) !== undefined);
const count = z.int().min(0).max(0xffff_ffff);

const State = z.strictObject({
  hwid: claim(hwid),
  /** Private half of the device key, PKCS #8 PEM. It never leaves this file. */
  deviceKey: z.string(),
  provisioned: z.boolean(),
  /** Highest `seq` reserved: at the next start counting goes on above it. */
  reserved: count,
  /** Key manifest held, compact JWS; it was checked when it came. */
  manifest: z.string().nullable(),
  /** Successors that a manifest named, which stand in for the roots of the firmware. */
  roots: z.tuple([claim(rsaKey(4096)), claim(rsaKey(4096))]).nullable(),
  /** Password in force: its version and its `$6$` hash. */
  pw: claim(nextPassword).nullable(),
  /** `jti` of the last token accepted. */
  last: claim(uuid7).nullable(),
  /** The session that is open, or was when the power went. */
  session: z.strictObject({ jti: claim(uuid7), scope: claim(scope), for: count }).nullable(),
  /** The TLS key and its certificate, sealed to the hardware ID; null before the first `csr`. */
  tls: z.string().nullable().default(null),
  /** The last receipts made, by `seq`. */
  receipts: z.array(z.strictObject({ seq: count, jws: z.string() })).max(32),
});

/** What the module remembers through a restart, all of it written at once or not at all. */
export type State = z.infer<typeof State>;

/** Where it remembers: the flash of a real module. Its methods throw where the flash fails. */
export interface Store {
  /** @returns undefined on the first start */
  load(): State | undefined;
  save(state: State): void;
  /** The password file that the login reads. @returns undefined before the first password */
  loadPassword(): string | undefined;
  /** @param hash `$6$…` */
  savePassword(hash: string): void;
}

/** A store in the directory `dir` (made if need be, 0700): `state.json` and `shadow`. */
export function fileStore(dir: string): Store {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return {
    load() {
      const text = readIfThere(join(dir, 'state.json'));
      return text === undefined ? undefined : State.parse(JSON.parse(text));
    },
    save: (state) => replaceFile(dir, 'state.json', JSON.stringify(state)),
    loadPassword: () => /^root:([^:]*):/.exec(readIfThere(join(dir, 'shadow')) ?? '')?.[1],
    savePassword: (hash) => replaceFile(dir, 'shadow', `root:${hash}:0:0:99999:7:::\n`),
  };
}

/** After a power cut the file holds the old text or the new, never a part: write aside, sync, rename, sync. */
function replaceFile(dir: string, name: string, text: string): void {
  const aside = join(dir, `${name}.new`);
  syncing(aside, 'w', (file) => writeFileSync(file, text));
  renameSync(aside, join(dir, name));
  syncing(dir, 'r', () => {});
}

function syncing(path: string, flags: 'w' | 'r', act: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    act(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
