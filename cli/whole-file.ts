import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from './system-error.ts';

/** What a file is called until it is whole; only a crash leaves one behind. */
export const DRAFT = '.new';
/** The same with the process that writes it, as openDraft() names it. */
const LEFT = /\.([1-9]\d{0,9})\.new$/;

/** Of link(2), where the file system has no links: FAT, on the stick that goes to the bench. */
const linkless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Writes a file for its owner's eyes. Durable once it returns; a crash or a full disk leaves the file
 * that was there, or the new one, whole.
 * @throws the system's error
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const target = targetOf(path);
  writeAside(target, content, (draft) => renameSync(draft, target));
}

/** The file behind the name, which may be a link. @throws where what is there is none */
export function targetOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  // A device such as /dev/null would be replaced by a file.
  if (found?.isFile() === false) throw new Error('it is not a file');
  return found === undefined ? path : realpathSync(path);
}

/**
 * The same for a file that is not there yet: whole, or not at all.
 * @throws the system's error; `EEXIST` where there is one, which stays as it is
 */
export function createFile(path: string, content: string | Uint8Array): void {
  writeAside(path, content, (draft) => {
    try {
      linkSync(draft, path);
    } catch (error) {
      if (!linkless.has(codeOf(error))) throw error;
      // rename(2) overwrites, so the name is taken first; a crash between the two leaves it empty.
      closeSync(openSync(path, 'wx', 0o600));
      renameSync(draft, path);
    }
  });
}

function writeAside(path: string, content: string | Uint8Array, place: (draft: string) => void): void {
  const draft = openDraft(path);
  try {
    draft.write(content);
    draft.finish(() => place(draft.name));
  } finally {
    draft.drop();
  }
}

/** A file on its way, beside the one that it is to be. */
export interface Draft {
  readonly name: string;
  /** Adds to it. @throws the system's error */
  write(content: string | Uint8Array): void;
  /** On disk as a whole, then put into its place. @throws the system's error */
  finish(place?: () => void): void;
  /** Where it was not finished, nothing of it stays. */
  drop(): void;
}

/**
 * A file that is written by and by, for its owner's eyes: it takes the place of what is there once it is whole.
 * @throws the system's error
 */
export function openDraft(path: string): Draft {
  const name = `${path}.${process.pid}${DRAFT}`;
  rmSync(name, { force: true });
  const file = openSync(name, 'wx', 0o600);
  let open = true;
  const close = () => {
    if (open) closeSync(file);
    open = false;
  };
  return {
    name,
    write: (content) => writeFileSync(file, content),
    finish(place = () => renameSync(name, path)) {
      fsyncSync(file);
      close();
      place();
      syncDirectory(dirname(path));
    },
    drop() {
      close();
      rmSync(name, { force: true });
    },
  };
}

/** Removes what a killed process left in a directory, and in those beneath it. */
export function clearDrafts(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const [, pid] = LEFT.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return codeOf(error) !== 'ESRCH';
  }
}

/** So that the name itself outlives a crash; Windows cannot open directories, and need not. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
