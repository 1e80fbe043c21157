import type { Readable } from 'node:stream';
import type { Port } from './port.ts';
import type { Timers } from './timers.ts';

/** Ctrl-], which leaves, as in telnet. */
const LEAVE = 0x1d;

/** Bytes that a person may type ahead of a port that takes none; more is lost. */
const MOST_PENDING = 65_536;

/** How long what was typed before Ctrl-] may take to go out, in milliseconds. */
const LAST_WORDS = 200;

export interface TypingOutcome {
  /** Ctrl-] was pressed. */
  left(): void;
  /** The input ended and all of it went out. */
  ended(): void;
  failed(cause: unknown): void;
}

/** What goes from an input to the port. A pipe waits for the port; a person can always leave. */
export class Typing {
  /** The input has ended. */
  over = false;
  stopped = false;
  readonly #port: Port;
  readonly #input: Readable & { readonly isTTY?: boolean };
  readonly #timers: Timers;
  readonly #outcome: TypingOutcome;
  #pending = 0;
  #cancel = () => {};

  constructor(
    port: Port,
    input: Readable & { readonly isTTY?: boolean },
    timers: Timers,
    outcome: TypingOutcome,
  ) {
    this.#port = port;
    this.#input = input;
    this.#timers = timers;
    this.#outcome = outcome;
    input.on('data', this.#typed).once('end', this.#end).once('error', outcome.failed);
    input.resume();
  }

  stop(): void {
    this.stopped = true;
    this.#cancel();
    this.#input.off('data', this.#typed).off('end', this.#end).off('error', this.#outcome.failed);
  }

  readonly #typed = (chunk: Buffer): void => {
    const person = this.#input.isTTY === true;
    const leave = person ? chunk.indexOf(LEAVE) : -1;
    if (!person) this.#input.pause();
    if (this.#pending < MOST_PENDING) this.#send(leave < 0 ? chunk : chunk.subarray(0, leave), leave >= 0);
    if (leave >= 0) this.#cancel = this.#timers.after(LAST_WORDS, this.#outcome.left);
  };

  readonly #end = (): void => {
    this.over = true;
    if (this.#pending === 0) this.#outcome.ended();
  };

  async #send(bytes: Uint8Array, last: boolean): Promise<void> {
    this.#pending += bytes.length;
    try {
      await this.#port.write(bytes);
    } catch (cause) {
      this.#outcome.failed(cause);
    }
    this.#pending -= bytes.length;
    if (this.stopped) return;
    if (last) this.#outcome.left();
    else if (this.over && this.#pending === 0) this.#outcome.ended();
    else if (!this.over) this.#input.resume();
  }
}
