import { Problem } from '../../protocol/problems.ts';

/** Long polls that one principal may have held at once: several terminals and a few programs. */
const MOST = 16;

/** The long polls that are held now, by principal. Their number is bounded, each has its end. */
export class Polls {
  /** When each ends at the latest, by `performance.now()`. */
  readonly #held = new Map<string, Set<{ readonly end: number }>>();

  /**
   * Counts one more, of so many seconds at most.
   * @returns takes it out again, however it ended
   * @throws Problem `rate-limited`
   */
  hold(principal: string, seconds: number): () => void {
    const held = this.#held.get(principal) ?? new Set();
    if (held.size >= MOST) throw refusal(principal, held);
    const poll = { end: performance.now() + seconds * 1000 };
    this.#held.set(principal, held.add(poll));
    return () => {
      held.delete(poll);
      if (held.size === 0) this.#held.delete(principal);
    };
  }
}

function refusal(principal: string, held: Iterable<{ readonly end: number }>): Problem {
  const first = Math.min(...[...held].map(({ end }) => end));
  const retryAfter = Math.max(1, Math.ceil((first - performance.now()) / 1000));
  return new Problem(
    'rate-limited',
    `${principal} has ${MOST} requests waiting here, which is the most: end one, or try again in ${retryAfter} s.`,
    { retryAfter },
  );
}
