import type { NewEvent } from '../../protocol/events.ts';
import type { Services } from '../context.ts';
import type { Hold } from '../operation.ts';

/** How long a long poll may wait, and what else ends it. */
export interface Patience {
  readonly seconds: number;
  readonly hold: Hold;
}

/**
 * Reads again after every commit that matters, until `enough` or the patience is at its end.
 * @returns what was read last
 */
export async function readUntil<T>(
  { log }: Pick<Services, 'log'>,
  read: () => Promise<T>,
  enough: (value: T) => boolean,
  matters: (event: NewEvent) => boolean,
  { seconds, hold }: Patience,
): Promise<T> {
  if (seconds === 0) return read();
  const end = AbortSignal.any([hold(seconds), AbortSignal.timeout(seconds * 1000)]);
  // Listening begins before the first read, so that no commit falls between the two.
  let news = false;
  let wake = () => {};
  const stop = log.onCommit((events) => {
    if (!events.some(matters)) return;
    news = true;
    wake();
  });
  const over = () => wake();
  end.addEventListener('abort', over);
  try {
    for (;;) {
      news = false;
      const value = await read();
      if (enough(value) || end.aborted) return value;
      if (!news) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (end.aborted) resolve();
        });
      }
    }
  } finally {
    stop();
    end.removeEventListener('abort', over);
  }
}

/** True for an event of this unlock, or of a receipt for its token. */
export function concerns(unlock: string): (event: NewEvent) => boolean {
  return (event) =>
    event.type === 'receipt.accepted' ? event.jti === unlock : 'unlock' in event && event.unlock === unlock;
}
