import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './system-error.ts';

/** What a file is called until it is whole; only a crash leaves one behind. */
export const DRAFT = '.new';

/** Of link(2), where the file system has no links: FAT, on the stick that goes to the bench. */
const linkless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Writes a file for its owner's eyes. Durable once it returns; a crash or a full disk leaves the file
 * that was there, or the new one, whole.
 * @throws the system's error
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const found = statSync(path, { throwIfNoEntry: false });
  // A device such as /dev/null would be replaced by a file.
  if (found?.isFile() === false) throw new Error('it is not a file');
  const target = found === undefined ? path : realpathSync(path);
  writeAside(target, content, (draft) => renameSync(draft, target));
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
  const draft = `${path}.${process.pid}${DRAFT}`;
  rmSync(draft, { force: true });
  const file = openSync(draft, 'wx', 0o600);
  try {
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    place(draft);
  } finally {
    rmSync(draft, { force: true });
  }
  syncDirectory(dirname(path));
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
