import { createReadStream, type ReadStream, readFileSync, statSync } from 'node:fs';
import { Failure } from './failure.ts';
import { codeOf } from './system-error.ts';
import { createFile, type Draft, openDraft, replaceFile, targetOf } from './whole-file.ts';

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

/**
 * Writes a file piece by piece, whole or not at all, in the place of one that is there.
 * @param fill is given what adds to it
 * @throws Failure, and what `fill` throws
 */
export async function fillFile(
  file: string,
  fill: (add: (text: string) => void) => Promise<void>,
): Promise<void> {
  const told = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw fileFailure(`Cannot write ${file}`, error, ROOM);
    }
  };
  const draft: Draft = told(() => openDraft(targetOf(file)));
  try {
    await fill((text) => told(() => draft.write(text)));
    told(() => draft.finish());
  } finally {
    draft.drop();
  }
}

/**
 * What a file holds, as it is read. @throws Failure, at once where there is none
 */
export function streamFile(file: string): { readonly size: number; readonly pieces: ReadStream } {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Failure('usage', 'file-missing', `There is no file ${file}.`);
  return { size: found.size, pieces: createReadStream(file) };
}

/** Of what `streamFile` gave, in words. */
export function readFailure(file: string, error: unknown): Failure {
  return fileFailure(`Cannot read ${file}`, error, 'Check that it is a file and that you may read it.');
}

const ROOM = 'Check that you may write there and that the disk has room. Nothing was changed.';

function fileFailure(what: string, error: unknown, next: string): Failure {
  const why = error instanceof Error ? error.message : String(error);
  return new Failure('failure', 'file', `${what}: ${why}.`, { next, cause: error });
}
