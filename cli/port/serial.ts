import { explainOpen, obstacle } from './diagnose.ts';
import { PortError } from './fault.ts';
import { type Host, holders, modemManager } from './holders.ts';
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

  async hint(): Promise<string | undefined> {
    // A pty is open at its other end too: that is the simulator, not a rival.
    const rivals = this.name.startsWith('/dev/pts/') ? [] : await holders(this.name, this.#host);
    if (rivals.length > 0) {
      const names = rivals.map(({ command, pid }) => `${command} (process ${pid})`).join(', ');
      return `The port is also open in ${names}, which takes part of the answers.`;
    }
    const manager = /^\/dev\/tty(USB|ACM)/.test(this.name) ? await modemManager(this.#host) : undefined;
    if (manager === undefined) return undefined;
    return `ModemManager (process ${manager.pid}) runs and may be probing the port: see docs/ports.md.`;
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
