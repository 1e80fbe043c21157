import { readFileSync } from 'node:fs';
import { Failure } from './failure.ts';
import { codeOf } from './system-error.ts';
import { createFile, replaceFile } from './whole-file.ts';

/** Files that the user names. Failures are in words, where the system says no. */

export function readText(file: string): string {
  return readBytes(file).toString();
}

/** @throws Failure */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw codeOf(error) === 'ENOENT'
      ? new Failure('usage', 'file-missing', `There is no file ${file}.`)
      : fileFailure(`Cannot read ${file}`, error, 'Check that you may read it.');
  }
}

/** Writes a file whole or not at all, in the place of one that is there. @throws Failure */
export function writeFile(file: string, content: string): void {
  try {
    replaceFile(file, content);
  } catch (error) {
    throw fileFailure(`Cannot write ${file}`, error, ROOM);
  }
}

/** Writes a file that is not there yet, whole or not at all. @throws Failure */
export function writeNewFile(file: string, bytes: Uint8Array): void {
  try {
    createFile(file, bytes);
  } catch (error) {
    throw codeOf(error) === 'EEXIST'
      ? new Failure('usage', 'file-exists', `${file} is there already, and is not overwritten.`, {
          next: 'Choose another name with --out.',
        })
      : fileFailure(`Cannot write ${file}`, error, ROOM);
  }
}

const ROOM = 'Check that you may write there and that the disk has room. Nothing was changed.';

function fileFailure(what: string, error: unknown, next: string): Failure {
  const why = error instanceof Error ? error.message : String(error);
  return new Failure('failure', 'file', `${what}: ${why}.`, { next, cause: error });
}
