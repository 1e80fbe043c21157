import type { Scope } from '../../protocol/claims.ts';
import { NONCE_LIFE } from '../../protocol/messages.ts';

/** What a token must answer. */
export interface Live {
  readonly nonce: string;
  readonly scope: Scope;
  readonly for: number;
}

/** Least time from one challenge to the next, in milliseconds. */
const CHALLENGE_SPACING = 2000;

/** So many bad signatures kill the nonce. */
const MOST_BAD_SIGNATURES = 3;

/**
 * The one live challenge, in RAM only, so that a reboot forgets it. Times are the monotonic clock's,
 * in milliseconds. DESIGN section 4, "Time without a clock".
 */
export class NonceKeeper {
  #live: Live | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;
  #badSignatures = 0;

  /** False within 2 s of the last challenge. */
  mayMake(now: number): boolean {
    return now - this.#madeAt >= CHALLENGE_SPACING;
  }

  /** A newer challenge: the older one is dead. */
  make(live: Live, now: number): void {
    this.#live = live;
    this.#madeAt = now;
    this.#badSignatures = 0;
  }

  live(now: number): Live | undefined {
    if (now - this.#madeAt >= NONCE_LIFE * 1000) this.kill();
    return this.#live;
  }

  kill(): void {
    this.#live = undefined;
  }

  badSignature(): void {
    this.#badSignatures += 1;
    if (this.#badSignatures >= MOST_BAD_SIGNATURES) this.kill();
  }
}
