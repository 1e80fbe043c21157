import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Port } from './port.ts';
import { systemTimers, type Timers } from './timers.ts';
import { closedByUs } from './trouble.ts';
import { Typing } from './typing.ts';

/** Milliseconds without a byte from the module after which an input that has ended is done. */
const QUIET = 2000;

/**
 * Undoes what programs on a console leave behind in a terminal: attributes, a hidden cursor, another
 * character set, keypad and cursor key modes, a scroll region, mouse reports, bracketed paste and the
 * alternate screen (xterm, ctlseqs).
 */
const RESTORE =
  '\x1b[m\x1b[?25h\x1b(B\x0f\x1b>\x1b[?1l\x1b7\x1b[r\x1b8\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1049l';

/** A terminal's two ends, or pipes. */
export interface Terminal {
  readonly input: Readable & {
    readonly isTTY?: boolean;
    readonly fd?: number;
    setRawMode?(raw: boolean): unknown;
  };
  readonly output: Writable & { readonly isTTY?: boolean };
}

/** `left`: the user pressed Ctrl-]. `ended`: the input ended, and the module had nothing more to say. */
export type Departure = 'left' | 'ended';

export interface ConsoleOptions {
  readonly timers?: Timers;
  /** Milliseconds without a byte from the module after which an input that has ended is done; 2000. */
  readonly quiet?: number;
}

/**
 * Connects a local terminal, or pipes, to a module's console. Here alone a module's bytes go out as they
 * come. The terminal is as it was before when this ends, however it does; the port stays open.
 * @throws PortError `port-gone`, or the error of an output that went away
 */
export async function attachConsole(
  port: Port,
  terminal: Terminal,
  options: ConsoleOptions = {},
): Promise<Departure> {
  const { input, output } = terminal;
  const raw = input.isTTY === true;
  if (raw) makeRaw(input);
  try {
    return await relay(port, terminal, options);
  } finally {
    input.pause();
    if (raw) input.setRawMode?.(false);
    if (output.isTTY === true) output.write(RESTORE);
  }
}

/** Node's raw mode still turns LF into CR LF on its way out; where there is a stty, it ends that too. */
function makeRaw(input: Terminal['input']): void {
  input.setRawMode?.(true);
  if (input.fd !== undefined) spawnSync('stty', ['-opost'], { stdio: [input.fd, 'ignore', 'ignore'] });
}

async function relay(port: Port, { input, output }: Terminal, options: ConsoleOptions): Promise<Departure> {
  const { timers = systemTimers, quiet = QUIET } = options;
  let typing: Typing | undefined;
  let failed: (cause: unknown) => void = () => {};
  let cancel = () => {};
  try {
    return await new Promise<Departure>((resolve, reject) => {
      const settle = () => {
        cancel();
        cancel = timers.after(quiet, () => resolve('ended'));
      };
      failed = reject;
      output.once('error', failed);
      typing = new Typing(port, input, timers, { left: () => resolve('left'), ended: settle, failed });
      port.listen({
        // A slow terminal holds the port back.
        async data(bytes) {
          if (typing?.over === true) settle();
          if (typing?.stopped === false && !output.write(bytes)) await once(output, 'drain').catch(reject);
        },
        closed: (why) => reject(why ?? closedByUs(port.name)),
      });
    });
  } finally {
    cancel();
    typing?.stop();
    output.off('error', failed);
  }
}
