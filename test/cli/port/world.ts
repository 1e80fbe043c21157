import type { PortError } from '../../../cli/port/fault.ts';
import type { Port, PortListener } from '../../../cli/port/port.ts';
import type { Timers } from '../../../cli/port/timers.ts';

interface Alarm {
  readonly due: number;
  readonly run: () => void;
}

/** Time that stands still until nothing else is left to happen. */
export class VirtualTimers implements Timers {
  now = 0;
  readonly #alarms = new Set<Alarm>();

  after(ms: number, run: () => void): () => void {
    const alarm = { due: this.now + ms, run };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  get pending(): number {
    return this.#alarms.size;
  }

  /** Lets time pass until `work` settles. @throws when nothing is left that could settle it */
  async finish<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = () => {
      settled = true;
    };
    work.then(done, done);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (settled) return work;
      const next = [...this.#alarms].sort((a, b) => a.due - b.due)[0];
      if (next === undefined) throw new Error('hangs: nothing is left that could end it');
      this.#alarms.delete(next);
      this.now = next.due;
      next.run();
    }
  }
}

/** A port whose other end is `respond`, handed every line written, its carriage return taken off. */
export class ScriptedPort implements Port {
  readonly name = '/dev/ttyTEST';
  readonly written: string[] = [];
  hints: string | undefined;
  /** What writing fails with, although nothing has told that the port went away. */
  refuses: PortError | undefined;
  #listener: PortListener | undefined;
  #gone: PortError | undefined;
  #line = '';
  readonly #respond: (line: string, port: ScriptedPort) => void;

  constructor(respond: (line: string, port: ScriptedPort) => void) {
    this.#respond = respond;
  }

  listen(listener: PortListener): void {
    this.#listener = listener;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const why = this.#gone ?? this.refuses;
    if (why !== undefined) throw why;
    this.#line += Buffer.from(bytes).toString('latin1');
    const lines = this.#line.split('\r');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      this.written.push(line);
      // Never while the writer is still writing.
      queueMicrotask(() => this.#respond(line, this));
    }
  }

  async close(): Promise<void> {
    this.vanish(undefined);
  }

  async hint(): Promise<string | undefined> {
    return this.hints;
  }

  /** One character for each byte. */
  arrive(text: string): void {
    this.#listener?.data(Buffer.from(text, 'latin1'));
  }

  vanish(why: PortError | undefined): void {
    this.#gone = why;
    this.#listener?.closed(why);
    this.#listener = undefined;
  }
}
