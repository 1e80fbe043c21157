import type { Line } from '../protocol/lines.ts';

/** Lines sent and not answered yet: what is kept to be sent again. */
const MOST_WAITING = 1024;
/** Milliseconds without a line, after which a blank one goes out: a server ends what is silent. */
const IDLE = 30_000;

interface Waiting {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Lines on their way: read from their source once, kept until they are answered. */
export class Outbox {
  readonly #source: AsyncIterator<Line>;
  readonly #longest: number;
  readonly #waiting: Waiting[] = [];
  /** Asked of the source, and not yet sent: an attempt that ended leaves it to the next. */
  #asked: Promise<IteratorResult<Line>> | undefined;
  #exhausted = false;
  #wake = () => {};
  /** Lines that have their answer. */
  answered = 0;
  /** Why the source gave no more. */
  fault: unknown;

  /** @param longest of what the server reads, in bytes; a longer line goes out as one that is too long */
  constructor(lines: AsyncIterable<Line>, longest: number) {
    this.#source = lines[Symbol.asyncIterator]();
    this.#longest = longest;
  }

  get done(): boolean {
    return this.#exhausted && this.#waiting.length === 0;
  }

  /** What waits for its answer, then what is new, until the attempt is over. @throws what the source throws */
  async *send(over: AbortSignal): AsyncGenerator<Uint8Array> {
    over.addEventListener('abort', () => this.#wake(), { once: true });
    for (const { bytes } of [...this.#waiting]) yield bytes;
    for (;;) {
      while (this.#waiting.length >= MOST_WAITING && !over.aborted) await this.#woken();
      if (over.aborted || this.#exhausted) return;
      const next = await this.#next();
      if (over.aborted) return;
      if (next === undefined) {
        yield Buffer.from('\n');
        continue;
      }
      this.#asked = undefined;
      if (next.done === true) {
        this.#exhausted = true;
        return;
      }
      const { number, bytes = Buffer.alloc(this.#longest + 1, '?') } = next.value;
      const line = { number, bytes: Buffer.concat([bytes, Buffer.from('\n')]) };
      this.#waiting.push(line);
      yield line.bytes;
    }
  }

  /** The oldest line has its answer. @returns its number */
  answer(): number {
    const oldest = this.#waiting.shift();
    if (oldest === undefined) throw new Error('an answer to no line');
    this.answered += 1;
    this.#wake();
    return oldest.number;
  }

  /** @returns undefined where the source gives nothing for a while */
  async #next(): Promise<IteratorResult<Line> | undefined> {
    this.#asked ??= this.#source.next();
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, IDLE, undefined);
    });
    try {
      return await Promise.race([this.#asked, idle]);
    } catch (error) {
      this.fault = error;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
