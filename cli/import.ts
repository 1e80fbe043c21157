import type { z } from 'zod';
import { endings, type ImportResult, LONGEST_LINE } from '../protocol/api/import.ts';
import type { Line } from '../protocol/lines.ts';
import { asFailure, Failure } from './failure.ts';
import { Outbox } from './outbox.ts';
import { type Persevering, persevere } from './perseverance.ts';

export type Result = z.output<typeof ImportResult>;

/** One attempt: sends the lines, and yields what the server says to each. */
export type Send = (lines: AsyncIterable<Uint8Array>) => AsyncIterable<Result>;

/**
 * Sends lines to the import for as long as there are any, through every cut: what was sent and not
 * answered is sent again, which changes nothing. No more lines are read than answers come.
 * @param told gets each line's answer, in order, with its number among `lines`; the next waits for it
 * @throws Failure where the import as a whole is refused, or no attempt brings an answer
 */
export async function importLines(
  cli: Persevering,
  send: Send,
  lines: AsyncIterable<Line>,
  told: (result: Result) => Promise<void> | void,
): Promise<void> {
  const outbox = new Outbox(lines, LONGEST_LINE);
  await persevere(
    cli,
    () => attempt(send, outbox, told),
    () => outbox.answered,
  );
}

/** @returns why it ended early; undefined once every line is answered */
async function attempt(
  send: Send,
  outbox: Outbox,
  told: (result: Result) => Promise<void> | void,
): Promise<Failure | undefined> {
  const end = new AbortController();
  try {
    for await (const result of send(outbox.send(end.signal))) {
      const { code = '', detail = '' } = result;
      // It is of the whole import: the line itself may be sent again.
      if (endings.has(code)) return new Failure(isServers(code) ? 'network' : 'refused', code, detail);
      await told({ ...result, line: outbox.answer() });
    }
    if (outbox.fault !== undefined) return asFailure(outbox.fault);
    if (outbox.done) return undefined;
    return new Failure('network', 'answers-ended', 'The server ended its answers before the last line.');
  } catch (error) {
    return asFailure(outbox.fault ?? error);
  } finally {
    end.abort();
  }
}

function isServers(code: string): boolean {
  return code === 'log-unavailable' || code === 'shutting-down' || code === 'internal-error';
}
