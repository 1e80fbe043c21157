import { explainOpen, explainSilence, obstacle } from './diagnose.ts';
import { PortError } from './fault.ts';
import type { Host } from './holders.ts';
import type { Port, PortListener } from './port.ts';
import { openTty, type Tty } from './tty.ts';

/** Most bytes taken from the line at once. */
const CHUNK = 4096;

/** @throws PortError */
export async function openSerial(path: string, baud: number, host: Host): Promise<Port> {
  const refused = await obstacle(path, host);
  if (refused !== undefined) throw refused;
  try {
    return new SerialPort(path, await openTty(path, baud), host);
  } catch (cause) {
    throw await explainOpen(path, cause, host);
  }
}

class SerialPort implements Port {
  readonly name: string;
  readonly #tty: Tty;
  readonly #host: Host;
  #writing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(path: string, tty: Tty, host: Host) {
    this.name = path;
    this.#tty = tty;
    this.#host = host;
  }

  listen(listener: PortListener): void {
    this.#read(listener).then(
      () => listener.closed(undefined),
      (cause: unknown) => listener.closed(this.#closing === undefined ? this.#gone(cause) : undefined),
    );
  }

  write(bytes: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#tty.write(bytes));
    this.#writing = written.catch(() => {});
    return written.catch((cause: unknown) => {
      throw this.#gone(cause);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#tty.close().catch(() => {});
    return this.#closing;
  }

  hint(): Promise<string | undefined> {
    return explainSilence(this.name, this.#host);
  }

  async #read(listener: PortListener): Promise<void> {
    const buffer = Buffer.allocUnsafe(CHUNK);
    while (this.#closing === undefined) {
      const count = await this.#tty.read(buffer);
      await listener.data(new Uint8Array(buffer.subarray(0, count)));
    }
  }

  #gone(cause: unknown): PortError {
    return new PortError('port-gone', `${this.name} went away.`, {
      next: 'Check the cable and the module’s power; after a restart it may have another name: latchkey ports.',
      cause,
    });
  }
}
