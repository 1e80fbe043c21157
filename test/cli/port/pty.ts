import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ReadStream } from 'node:tty';

/** What node-pty's `open()` gives; its types leave it out. */
interface Pair {
  readonly master: ReadStream;
  readonly slave: ReadStream;
  readonly ptsName: string;
}

const { open }: { open(options: { encoding: null }): Pair } = createRequire(import.meta.url)('node-pty');

/** A pseudo-terminal: `path` is opened like a serial port, `device` is the other end of the line. */
export class Pty {
  readonly path: string;
  readonly device: ReadStream;
  readonly #held: number;

  constructor() {
    const { master, slave, ptsName } = open({ encoding: null });
    this.path = ptsName;
    this.device = master;
    // A master whose slave nobody has open cannot be read. node-pty's own slave would take what is for others.
    this.#held = openSync(ptsName, constants.O_RDWR | constants.O_NOCTTY);
    slave.destroy();
    master.on('error', () => {});
  }

  say(text: string): void {
    // A tty.ReadStream is a socket: it writes as well.
    this.device.write(Buffer.from(text, 'latin1'));
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
  async vanish(): Promise<void> {
    if (this.device.closed) return;
    closeSync(this.#held);
    this.device.destroy();
    await once(this.device, 'close');
  }
}
