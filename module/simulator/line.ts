import { setTimeout as sleep } from 'node:timers/promises';

/** A start bit, eight data bits, a stop bit. */
const BITS_PER_BYTE = 10;

/** Bytes are let through for as many milliseconds at a time. */
const SLICE = 5;

/**
 * One direction of a serial line: bytes come out no faster than at its baud rate, and in order.
 * Without a rate they come out at once.
 */
export class Line {
  #freeAt = 0;
  #epoch = 0;
  readonly #bytesPerMs: number | undefined;
  readonly #deliver: (bytes: Uint8Array) => Promise<void> | void;

  constructor(baud: number | undefined, deliver: (bytes: Uint8Array) => Promise<void> | void) {
    this.#bytesPerMs = baud === undefined ? undefined : baud / BITS_PER_BYTE / 1000;
    this.#deliver = deliver;
  }

  /** Resolves once the last byte is through; to be called again only then. */
  async carry(bytes: Uint8Array): Promise<void> {
    if (this.#bytesPerMs === undefined) return this.#deliver(bytes);
    const epoch = this.#epoch;
    const most = Math.max(1, Math.floor(this.#bytesPerMs * SLICE));
    // A timer that goes off late does not delay what follows it.
    this.#freeAt = Math.max(this.#freeAt, performance.now());
    for (let start = 0; start < bytes.length; start += most) {
      const slice = bytes.subarray(start, start + most);
      this.#freeAt += slice.length / this.#bytesPerMs;
      await sleep(Math.max(0, this.#freeAt - performance.now()));
      if (epoch !== this.#epoch) return;
      await this.#deliver(slice);
    }
  }

  /** Loses what is on its way. */
  drop(): void {
    this.#epoch += 1;
  }
}
