import type { Cli } from './context.ts';
import { formatDuration } from './duration.ts';
import { interrupted } from './failure.ts';
import type { Terminal } from './port/console.ts';
import { printable } from './printable.ts';

/** Carriage return, then the whole row erased (ECMA-48 EL 2); one row up (CUU). */
const ERASE = '\r\x1b[2K';
const UP = '\x1b[A';
const CTRL_C = '\x03';

/**
 * Shows a line on the terminal until the time is over, a key is pressed, or the command is interrupted; then
 * it is gone. It has no end of line, so that it stays where it can be erased.
 */
export async function showBriefly(cli: Cli, text: string, seconds: number): Promise<void> {
  const stdout: Screen = cli.out.streams.stdout;
  const line = printable(text);
  // Before, since whatever is said after it moves the cursor away from what is to be erased.
  tellHowLong(cli, seconds);
  stdout.write(line);
  try {
    await whileLookedAt(cli, seconds);
  } finally {
    // As wide as the terminal is by now: a narrow one has it on several rows.
    const rows = Math.ceil(line.length / (stdout.columns ?? line.length));
    stdout.write(`${ERASE}${`${UP}${ERASE}`.repeat(rows - 1)}`);
  }
}

type Screen = Terminal['output'] & { readonly columns?: number };

export function tellHowLong({ out }: Cli, seconds: number): void {
  out.progress(`for ${formatDuration(seconds)}, or until a key is pressed`);
}

/**
 * Waits for the time to be over or for a key. Keys are taken raw: echoed, they would move the line that is
 * to be erased, and be typed into whatever comes next.
 * @throws Failure `interrupted`, by signal or Ctrl-C
 */
export async function whileLookedAt({ delay, signal, out }: Cli, seconds: number): Promise<void> {
  const { stdin } = out.streams;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const waits = [delay(seconds * 1000, either)];
  if (stdin.isTTY === true) waits.push(keyOf(stdin, over.signal));
  try {
    await Promise.race(waits);
  } finally {
    over.abort();
    await Promise.allSettled(waits);
  }
}

/** Settles at a key, or when `over` fires. */
async function keyOf(input: Terminal['input'], over: AbortSignal): Promise<void> {
  input.setRawMode?.(true);
  try {
    const key = await new Promise<string>((resolve) => {
      input.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
      over.addEventListener('abort', () => resolve(''), { once: true });
      input.resume();
    });
    if (key.includes(CTRL_C)) throw interrupted();
  } finally {
    input.pause();
    input.setRawMode?.(false);
  }
}
