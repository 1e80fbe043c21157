import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { native } from 'node-pty';

/** A pseudo-terminal: `path` is opened like a serial port, `device` is the other end of the line. */
export class Pty {
  readonly path: string;
  readonly device: ReadStream;
  readonly #master: number;
  readonly #held: number;
  #unsaid = Buffer.alloc(0);
  #vanished: Promise<void> | undefined;

  constructor() {
    const { master, slave, pty } = native.open(80, 24);
    this.path = pty;
    this.#master = master;
    // A master whose slave nobody has open cannot be read.
    this.#held = slave;
    this.device = new ReadStream(master);
    this.device.on('error', () => {}).resume();
  }

  /** One character for each byte. Not by the stream, whose writes would wait for a reader in this process. */
  say(text: string): void {
    this.#unsaid = Buffer.concat([this.#unsaid, Buffer.from(text, 'latin1')]);
    this.#push();
  }

  #push(): void {
    if (this.#vanished !== undefined || this.#unsaid.length === 0) return;
    try {
      this.#unsaid = this.#unsaid.subarray(writeSync(this.#master, this.#unsaid));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
    if (this.#unsaid.length > 0) setImmediate(() => this.#push());
  }

  /** Answers each line with what `respond` gives. */
  answer(respond: (line: string) => string | undefined): this {
    let pending = '';
    this.device.on('data', (bytes: Buffer) => {
      const lines = (pending + bytes.toString('latin1')).split('\r');
      pending = lines.pop() ?? '';
      for (const line of lines) this.say(respond(line) ?? '');
    });
    return this;
  }

  /** The device disappears, as when a cable is pulled. */
  vanish(): Promise<void> {
    this.#vanished ??= this.#vanish();
    return this.#vanished;
  }

  async #vanish(): Promise<void> {
    closeSync(this.#held);
    await once(this.device.destroy(), 'close');
  }
}
