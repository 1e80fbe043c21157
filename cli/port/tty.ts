import { read, write } from 'node:fs';
import { promisify } from 'node:util';
import { SerialPort } from 'serialport';

const readOnce = promisify(read);
const writeOnce = promisify(write);

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
 * another begins to wait to read. So both are done here.
 */
class UnixTty implements Tty {
  readonly #binding: UnixBinding;
  readonly #calls = new Set<Promise<unknown>>();
  #waiting = 0;
  #closed = false;

  constructor(binding: UnixBinding) {
    this.#binding = binding;
  }

  async read(buffer: Buffer): Promise<number> {
    for (;;) {
      const count = await this.#attempt((fd) => readOnce(fd, buffer, 0, buffer.length, null));
      if (count?.bytesRead === 0) throw new Error('the line was hung up');
      if (count !== undefined) return count.bytesRead;
      await this.#wait('readable', READABLE);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const count = await this.#attempt((fd) => writeOnce(fd, bytes, offset, bytes.length - offset, null));
      if (count === undefined) await this.#wait('writable', WRITABLE);
      else offset += count.bytesWritten;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#binding.poller.stop();
    // A call still under way would fall on whoever gets the descriptor's number next.
    await Promise.allSettled(this.#calls);
    // What the line has not taken is thrown away: close(2) would wait for it, up to 30 s.
    await this.#binding.flush().catch(() => {});
    await this.#binding.close();
  }

  /** @returns undefined where the descriptor is not ready */
  async #attempt<T>(call: (fd: number) => Promise<T>): Promise<T | undefined> {
    const { fd } = this.#binding;
    if (this.#closed || fd === null) throw new Error('the port was closed');
    const running = call(fd);
    this.#calls.add(running);
    try {
      return await running;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
      throw error;
    } finally {
      this.#calls.delete(running);
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
    }
  }
}
