import { readSync, writeSync } from 'node:fs';
import { SerialPort } from 'serialport';

/** serialport's open port on this platform; on Linux and macOS with its descriptor and its poller. */
type Binding = Awaited<ReturnType<typeof SerialPort.binding.open>>;
type UnixBinding = Extract<Binding, { poller: unknown }>;

/** libuv's `uv_poll_event`. */
const READABLE = 1;
const WRITABLE = 2;

/** An open serial line. What waits to read or write rejects when the device goes, or `close` is called. */
export interface Tty {
  /** At least one byte. */
  read(buffer: Buffer): Promise<number>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a line raw, 8N1, locked against others (flock(2) on Linux and macOS).
 * @throws what serialport throws: errors without codes
 */
export async function openTty(path: string, baudRate: number): Promise<Tty> {
  const binding = await SerialPort.binding.open({ path, baudRate, lock: true });
  return 'poller' in binding ? new UnixTty(binding) : windowsTty(binding);
}

function windowsTty(binding: Exclude<Binding, UnixBinding>): Tty {
  return {
    read: async (buffer) => (await binding.read(buffer, 0, buffer.length)).bytesRead,
    write: (bytes) => binding.write(Buffer.from(bytes)),
    close: () => binding.close(),
  };
}

/**
 * serialport's own read never ends on a line that was hung up: read(2) gives 0 bytes at once, which it
 * takes for nothing yet, and asks again for ever. And its poller forgets that one waits to write when
 * another begins to wait to read. So both are done here. The descriptor is non-blocking: calls that are
 * made at once and not on the thread pool hold nobody up.
 */
class UnixTty implements Tty {
  readonly #binding: UnixBinding;
  #waiting = 0;
  #closed = false;

  constructor(binding: UnixBinding) {
    this.#binding = binding;
  }

  async read(buffer: Buffer): Promise<number> {
    for (;;) {
      await this.#wait('readable', READABLE);
      const count = this.#attempt((fd) => readSync(fd, buffer));
      if (count === 0) throw new Error('the line was hung up');
      if (count !== undefined) return count;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const count = this.#attempt((fd) => writeSync(fd, bytes, offset));
      if (!count) await this.#wait('writable', WRITABLE);
      else offset += count;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#binding.poller.stop();
    // What the line has not taken is thrown away: close(2) would wait for it, up to 30 s.
    await this.#binding.flush().catch(() => {});
    await this.#binding.close();
  }

  /** @returns undefined where the descriptor is not ready */
  #attempt(call: (fd: number) => number): number | undefined {
    const { fd } = this.#binding;
    if (this.#closed || fd === null) throw new Error('the port was closed');
    try {
      return call(fd);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
      throw error;
    }
  }

  async #wait(event: 'readable' | 'writable', flag: number): Promise<void> {
    if (this.#closed) throw new Error('the port was closed');
    const { poller } = this.#binding;
    this.#waiting |= flag;
    try {
      await new Promise<void>((resolve, reject) => {
        poller.once(event, (error: Error | null) => (error === null ? resolve() : reject(error)));
        poller.poll(this.#waiting);
      });
    } finally {
      this.#waiting &= ~flag;
      // Else it would go on asking for whatever was ever waited for, which may be true all the time.
      if (!this.#closed) poller.poll(this.#waiting);
    }
  }
}
