import type { Cli } from './context.ts';
import { formatDuration } from './duration.ts';
import { interrupted } from './failure.ts';
import type { Terminal } from './port/console.ts';
import { printable } from './printable.ts';

/** Carriage return, then the whole line erased (ECMA-48 EL 2). */
const ERASE = '\r\x1b[2K';
const CTRL_C = '\x03';

/**
 * Shows a line on the terminal until the time is over, a key is pressed, or the command is interrupted; then
 * it is gone. It has no end of line, so that it stays where it can be erased.
 */
export async function showBriefly(cli: Cli, text: string, seconds: number): Promise<void> {
  const { stdout } = cli.out.streams;
  stdout.write(printable(text));
  try {
    await whileLookedAt(cli, seconds);
  } finally {
    stdout.write(ERASE);
  }
}

/**
 * Waits for the time to be over or for a key. Keys are taken raw: echoed, they would move the line that is
 * to be erased, and be typed into whatever comes next.
 * @throws Failure `interrupted`, by signal or Ctrl-C
 */
export async function whileLookedAt({ delay, signal, out }: Cli, seconds: number): Promise<void> {
  const { stdin } = out.streams;
  out.progress(`for ${formatDuration(seconds)}, or until a key is pressed`);
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
