import { hash } from 'node:crypto';
import { z } from 'zod';
import { Hwid, Jws, Moment } from '../../protocol/api/fields.ts';
import { DeviceKey } from '../../protocol/api/modules.ts';
import { asFailure, type Failure } from '../failure.ts';
import type { Home } from '../home.ts';

/** Where entries wait, and where those lie that the server refused; one to a file, named for its receipt. */
const WAITING = 'journal';
const REFUSED = 'journal-refused';
/** What cannot be read: kept as it is, out of the line's way. */
const DAMAGED = 'journal-damaged';

/**
 * A module that was provisioned, and that the server may not know of yet. Who takes a copy learns which
 * modules were made: no key and no password is in it, and the receipt only says what the module did.
 */
export const Entry = z.strictObject({
  version: z.literal(1),
  /** When the module was provisioned, by this computer's clock. */
  at: Moment,
  hwid: Hwid,
  imei: z.string(),
  order: z.string(),
  key: DeviceKey,
  receipt: Jws,
  /** True where it holds an offline bundle: then the server learns of it by this entry alone. */
  offline: z.boolean(),
});
export type Entry = z.infer<typeof Entry>;

const RefusedEntry = z.strictObject({
  entry: Entry,
  refused: Moment,
  code: z.string(),
  detail: z.string(),
});
export type RefusedEntry = z.infer<typeof RefusedEntry>;

/**
 * Provisioned modules, on disk before they are called done, until the server has each. An entry is a
 * file that is there whole or not at all, under a name of its own: whatever is cut off, and whoever else
 * works in this home, nothing is lost and nothing stands twice.
 */
export class Journal {
  readonly #home: Home;
  readonly #warn: (line: string) => void;

  /** @param warn is told of an entry that is damaged */
  constructor(home: Home, warn: (line: string) => void) {
    this.#home = home;
    this.#warn = warn;
  }

  /** On disk once this returns. @throws Failure `home-unusable` where it cannot be written: nothing of it is there */
  add(entry: Entry): void {
    this.#home.writeJson(pathOf(WAITING, entry.receipt), entry);
  }

  /** The server has it. */
  remove({ receipt }: Pick<Entry, 'receipt'>): void {
    this.#home.remove(pathOf(WAITING, receipt));
    this.#home.remove(pathOf(REFUSED, receipt));
  }

  /** Out of the way, with the reason. Cut off between the two steps, it is refused once more. */
  refuse(entry: Entry, { code, message }: Failure, now: Date): void {
    const refused = { entry, refused: now.toISOString(), code, detail: message };
    this.#home.writeJson(pathOf(REFUSED, entry.receipt), refused);
    this.#home.remove(pathOf(WAITING, entry.receipt));
  }

  /** What was refused is to be delivered once more. */
  readmit({ entry }: RefusedEntry): void {
    this.add(entry);
    this.#home.remove(pathOf(REFUSED, entry.receipt));
  }

  /** In the order in which they were made. */
  waiting(): Entry[] {
    return this.#read(WAITING, Entry).sort((a, b) => compare(a.at, b.at));
  }

  refused(): RefusedEntry[] {
    const waiting = new Set(this.#home.list(WAITING));
    return this.#read(REFUSED, RefusedEntry)
      .filter(({ entry }) => !waiting.has(nameOf(entry.receipt)))
      .sort((a, b) => compare(a.entry.at, b.entry.at));
  }

  /** Files that were put aside since they cannot be read; whoever has looked at one may delete it. */
  damaged(): string[] {
    return this.#home.list(DAMAGED).map((name) => this.#home.path(`${DAMAGED}/${name}`));
  }

  #read<T extends z.ZodType>(directory: string, schema: T): z.output<T>[] {
    return this.#home.list(directory).flatMap((name) => this.#readOne(`${directory}/${name}`, schema) ?? []);
  }

  /** One that is damaged stops neither the others nor the line. */
  #readOne<T extends z.ZodType>(file: string, schema: T): z.output<T> | undefined {
    try {
      return this.#home.readJson(file, schema);
    } catch (error) {
      if (asFailure(error).code !== 'home-damaged') throw error;
      this.#putAside(file);
      return undefined;
    }
  }

  #putAside(file: string): void {
    const hwid = /"hwid":\s*"([A-Z0-9._-]{8,64})"/.exec(this.#home.read(file) ?? '')?.[1];
    const aside = `${DAMAGED}/${file.replace('/', '.')}`;
    this.#home.move(file, aside);
    this.#warn(
      `${this.#home.path(file)} is damaged, or of another version, and is kept as ${this.#home.path(aside)}. ` +
        `Provision ${hwid === undefined ? 'the module that it was of' : `module ${hwid}`} once more: it has its receipt`,
    );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pathOf(directory: string, receipt: string): string {
  return `${directory}/${nameOf(receipt)}`;
}

function nameOf(receipt: string): string {
  return `${hash('sha256', receipt, 'hex').slice(0, 32)}.json`;
}
