import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { KeyFault } from './fault.ts';

/** What a crash leaves of a file that was being written; it was never used. */
const PARTIAL = /^\..+\.partial$/;

/**
 * Writes a file once: complete under its name, mode 0600 and on disk, or not at all. A crash leaves at
 * most a `.partial` file beside it.
 * @param tag tells this writer's partial file from another's
 * @throws KeyFault `exists` where there is one: key files are never overwritten
 */
export function writeOnce(file: string, content: string, tag: string): void {
  const partial = join(dirname(file), `.${basename(file)}.${tag}.partial`);
  const opened = permitted(dirname(file), () => openSync(partial, 'wx', 0o600));
  try {
    writeFileSync(opened, content);
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
  try {
    linkSync(partial, file);
  } catch (cause) {
    if (hasCode(cause, 'EEXIST'))
      throw new KeyFault('exists', `${file} exists already: does another init run? Run it again`, cause);
    throw cause;
  } finally {
    unlinkSync(partial);
  }
  syncDirectory(dirname(file));
}

/** Makes a directory, with mode 0700, and those above it, where they are not there. */
export function makeDirectory(directory: string): void {
  const first = permitted(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  if (first !== undefined) syncDirectory(dirname(first));
}

/** Removes what a crash left half written. */
export function removePartials(directory: string): void {
  for (const name of readdirSync(directory).filter((name) => PARTIAL.test(name))) {
    unlinkSync(join(directory, name));
  }
}

/**
 * Reads a file that only its owner may read.
 * @throws KeyFault `missing`, or `permissions`
 */
export function readPrivate(file: string): string {
  const opened = open(file);
  try {
    const mode = fstatSync(opened).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new KeyFault('permissions', `${file} is open to others (mode ${octal(mode)}): chmod 600 ${file}`);
    }
    return readFileSync(opened, 'utf8');
  } finally {
    closeSync(opened);
  }
}

/** @throws KeyFault `missing` */
export function readPublic(file: string): string {
  const opened = open(file);
  try {
    return readFileSync(opened, 'utf8');
  } finally {
    closeSync(opened);
  }
}

/** @throws KeyFault where the directory is missing, or others may look into it */
export function requirePrivateDirectory(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory())
    throw new KeyFault('missing', `${directory} is not there: restore it from a backup`);
  const mode = found.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new KeyFault(
      'permissions',
      `${directory} is open to others (mode ${octal(mode)}): chmod 700 ${directory}`,
    );
  }
}

export function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** False where there is no such file too. */
export function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function open(file: string): number {
  try {
    return permitted(file, () => openSync(file, 'r'));
  } catch (cause) {
    if (hasCode(cause, 'ENOENT'))
      throw new KeyFault('missing', `${file} is not there: restore it from a backup`, cause);
    throw cause;
  }
}

function permitted<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!hasCode(cause, 'EACCES') && !hasCode(cause, 'EPERM')) throw cause;
    throw new KeyFault('permissions', `this user may not use ${path}: run as the server's user`, cause);
  }
}

export function syncDirectory(directory: string): void {
  const opened = openSync(directory, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
