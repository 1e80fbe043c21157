import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { Failure } from '../failure.ts';
import { printable } from '../printable.ts';
import { codeOf } from '../system-error.ts';

/** What is printed on a module. No secret is among it, and none can be. */
export interface Label {
  readonly hwid: string;
  readonly imei: string | undefined;
  readonly order: string | undefined;
}

const HEADING = 'hwid,imei,order';

/** RFC 4180. What a module or a station says needs no quoting; a server could say anything. */
export function labelLine({ hwid, imei = '', order = '' }: Label): string {
  return [hwid, imei, order].map((cell) => quoted(printable(cell))).join(',');
}

function quoted(cell: string): string {
  return /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** A file of labels, one a line, that the label printer's program follows. */
export class LabelFile {
  readonly #path: string;
  readonly #printed: Set<string>;

  /** @throws Failure where the file cannot be read */
  constructor(path: string) {
    this.#path = path;
    this.#printed = new Set(readLines(path).map((line) => line.split(',', 1)[0] ?? ''));
  }

  /** Once for each module, however often it is provisioned. @throws Failure `label-unwritten` */
  add(label: Label): void {
    if (!this.#printed.has(label.hwid)) this.again(label);
  }

  /** Also where the module has one. @throws Failure `label-unwritten` */
  again(label: Label): void {
    try {
      append(this.#path, labelLine(label));
    } catch (error) {
      throw unwritten(this.#path, label.hwid, error);
    }
    this.#printed.add(label.hwid);
  }
}

/** A whole line, on disk once this returns; or nothing of it. */
function append(path: string, line: string): void {
  const file = openSync(path, 'a', 0o600);
  try {
    const { size } = statSync(path);
    const bytes = Buffer.from(size === 0 ? `${HEADING}\n${line}\n` : `${line}\n`);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(file, bytes, written);
      fsyncSync(file);
    } catch (error) {
      if (written > 0) ftruncateSync(file, size);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split(/\r?\n/);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw unwritten(path, '', error);
  }
}

function unwritten(path: string, hwid: string, cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Failure('failure', 'label-unwritten', `Cannot write labels to ${path}: ${why}.`, {
    next: `Once there is room, print it with: latchkey labels reprint ${hwid === '' ? 'HWID' : hwid} --labels ${path}`,
    cause,
  });
}
