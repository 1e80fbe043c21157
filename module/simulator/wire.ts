import type { Socket } from 'node:net';
import { Line } from './line.ts';

/** A raw port on this machine, however it is made. */
export interface RawPort {
  /** What another program opens: `/dev/pts/3` or `tcp://127.0.0.1:4001`. */
  readonly path: string;
  /** Writes what fits. @returns how many bytes did; all of them where nobody listens and bytes are lost */
  write(bytes: Uint8Array): number;
  /** Throws away what was written and nobody has read yet, as far as that can be done. */
  discard(): void;
  close(): Promise<void>;
}

/** Makes a raw port that hands on what comes in, and reads no further until that is taken. */
export type OpenPort = (receive: (bytes: Uint8Array) => Promise<void>) => Promise<RawPort>;

/** Hands on what `input` gives, one piece after the other. */
export function takeInTurn(input: Socket, receive: (bytes: Uint8Array) => Promise<void>): void {
  input.on('data', async (bytes: Buffer) => {
    input.pause();
    await receive(bytes);
    input.resume();
  });
}

/** A host that does not read may leave so many bytes waiting; then the oldest rule of UARTs holds. */
const MOST_WAITING = 65_536;

/** How soon a full port is tried again, in milliseconds. */
const RETRY = 5;

/**
 * A port of the module, at its baud rate in both directions if it has one. Like a UART it never waits
 * for the host: what nobody reads is lost in the end.
 */
export class Wire {
  readonly path: string;
  #waiting = 0;
  #generation = 0;
  #sending: Promise<void> = Promise.resolve();
  #closed = false;
  readonly #port: RawPort;
  readonly #out: Line;

  static async open(
    openPort: OpenPort,
    baud: number | undefined,
    receive: (bytes: Uint8Array) => Promise<void> | void,
  ): Promise<Wire> {
    const inward = new Line(baud, receive);
    return new Wire(await openPort((bytes) => inward.carry(bytes)), baud);
  }

  private constructor(port: RawPort, baud: number | undefined) {
    this.#port = port;
    this.path = port.path;
    this.#out = new Line(baud, (bytes) => this.#push(bytes));
  }

  /** Latin-1 text; returns at once. */
  write(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.#closed || this.#waiting + bytes.length > MOST_WAITING) return;
    const generation = this.#generation;
    this.#waiting += bytes.length;
    this.#sending = this.#sending.then(async () => {
      if (generation === this.#generation) await this.#out.carry(bytes);
      this.#waiting -= bytes.length;
    });
  }

  /** Throws away what was written and nobody has read yet. */
  discard(): void {
    this.#drop();
    this.#port.discard();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    await this.#sending;
    await this.#port.close();
  }

  #drop(): void {
    this.#generation += 1;
    this.#out.drop();
  }

  async #push(bytes: Uint8Array): Promise<void> {
    const generation = this.#generation;
    let left = bytes;
    for (;;) {
      left = left.subarray(this.#port.write(left));
      if (left.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, RETRY));
      if (generation !== this.#generation) return;
    }
  }
}
