import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Imei } from '../../protocol/api/modules.ts';
import { Failure } from '../failure.ts';

interface Place {
  /** Scanned, and not asked for yet. */
  imei: string | undefined;
  /** Waits for an IMEI to be scanned. */
  wants: boolean;
  take: ((imei: string) => void) | undefined;
}

/**
 * Barcodes on standard input: IMEIs, and names of slots where there are several. An IMEI is for the slot
 * whose name was scanned before it, else for the first slot, in their order, that wants one.
 */
export class Scanner {
  readonly #places: ReadonlyMap<string, Place>;
  readonly #ended = new AbortController();
  readonly #lines: ReturnType<typeof createInterface>;
  #named: string | undefined;

  /** @param warn is told what could not be used */
  constructor(input: Readable, slots: readonly string[], warn: (line: string) => void) {
    this.#places = new Map(
      slots.map((name) => [name, { imei: undefined, wants: true, take: undefined }] as const),
    );
    this.#lines = createInterface({ input });
    this.#lines.on('line', (line) => {
      for (const code of line.split(/\s+/)) if (code !== '') this.#scanned(code, warn);
    });
    this.#lines.on('close', () => this.#ended.abort());
  }

  /** Another module than the last is looked for in this slot. */
  want(slot: string): void {
    const place = this.#places.get(slot);
    if (place !== undefined && place.imei === undefined) place.wants = true;
  }

  /** @throws Failure `scan-missing` where the input ended; the signal's reason */
  async next(slot: string, signal: AbortSignal): Promise<string> {
    const place = this.#places.get(slot);
    if (place === undefined) throw new TypeError(`no slot ${slot}`);
    const { imei } = place;
    place.imei = undefined;
    if (imei !== undefined) return imei;
    signal.throwIfAborted();
    if (this.#ended.signal.aborted) throw missing(slot);
    return new Promise((resolve, reject) => {
      place.take = resolve;
      this.#ended.signal.addEventListener('abort', () => reject(missing(slot)), { once: true });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  close(): void {
    this.#lines.close();
  }

  #scanned(code: string, warn: (line: string) => void): void {
    if (this.#places.has(code)) {
      this.#named = code;
      return;
    }
    if (!Imei.safeParse(code).success) {
      warn(`“${code}” was scanned, which is neither an IMEI nor the name of a slot: scan it again`);
      return;
    }
    const [name, place] = this.#addressee() ?? [];
    this.#named = undefined;
    if (name === undefined || place === undefined) {
      warn(`IMEI ${code} was scanned, and no slot waits for one: scan the slot’s name first`);
      return;
    }
    place.wants = false;
    const { take } = place;
    place.take = undefined;
    if (take === undefined) place.imei = code;
    else take(code);
  }

  #addressee(): readonly [string, Place] | undefined {
    if (this.#named !== undefined) return [...this.#places].find(([name]) => name === this.#named);
    return [...this.#places].find(([, { wants }]) => wants);
  }
}

function missing(slot: string): Failure {
  return new Failure('usage', 'scan-missing', `No IMEI was scanned for ${slot}, and the scanner has ended.`, {
    next: 'Nothing was asked for this module: run the command again, and scan its label.',
  });
}
