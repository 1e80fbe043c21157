/**
 * DESIGN section 6 once more, as small as it can be said: no tables, no log, no races. What the server
 * does to random histories is held against this.
 */

const NONCE_LIFE = 600;
const MOST_TOKENS = 4;

type State = 'ready' | 'issued' | 'open' | 'closed' | 'cancelled' | 'expired' | 'unaccounted';

export interface ModelChallenge {
  readonly seq: number;
  readonly for: number;
  readonly pwv: number;
  readonly last: string | undefined;
}

export interface ModelToken {
  readonly challenge: ModelChallenge;
  /** Password version that it carries. */
  readonly ver: number | undefined;
}

export interface ModelReceipt {
  readonly unlock: string;
  readonly event: 'opened' | 'closed' | 'refused';
  readonly seq: number;
  readonly pwv: number;
}

interface ModelUnlock {
  readonly id: string;
  readonly seconds: number;
  readonly deadline: number;
  state: State;
  opened: boolean;
  tokens: ModelToken[];
  over: number;
}

/** One module and its unlocks. Times are seconds; outcomes are problem codes, or what was got. */
export class Model {
  readonly unlocks = new Map<string, ModelUnlock>();
  readonly #granted = new Set<ModelChallenge>();
  readonly #revealed = new Set<number>();
  readonly #taken = new Set<string>();
  #highest = 0;
  #sent = 1;
  #word = { seq: 1, pwv: 1 };
  #suspended = false;
  #foreign: string | undefined;
  #cleared: string | undefined;

  request(id: string, seconds: number, deadline: number): void {
    this.unlocks.set(id, { id, seconds, deadline, state: 'ready', opened: false, tokens: [], over: 0 });
  }

  /** Why nothing can be requested; undefined where it can. */
  get obstacle(): string | undefined {
    if (this.#suspended) return 'module-inactive';
    return this.#foreign === undefined ? undefined : 'module-flagged';
  }

  cancel(id: string, now: number): string {
    const unlock = this.#at(id, now);
    if (unlock.state !== 'ready' && unlock.state !== 'cancelled') return 'unlock-state';
    unlock.state = 'cancelled';
    return 'cancelled';
  }

  token(id: string, challenge: ModelChallenge, now: number): string | ModelToken {
    const unlock = this.#at(id, now);
    const newest = unlock.tokens.at(-1);
    if (this.obstacle !== undefined) return this.obstacle;
    if (newest?.challenge === challenge) return newest;
    if (unlock.state !== 'ready' && unlock.state !== 'issued') return 'unlock-state';
    if (
      challenge.last !== undefined &&
      challenge.last !== this.#cleared &&
      this.#seqOf(challenge.last) === 0
    ) {
      this.#foreign = challenge.last;
      return 'module-flagged';
    }
    if (this.#granted.has(challenge) || challenge.seq <= this.#highest) return 'challenge-spent';
    if (unlock.state === 'issued' && challenge.last === id) return 'unlock-state';
    if (unlock.tokens.length === MOST_TOKENS) return 'replacements-exhausted';
    const others = [...this.unlocks.values()].filter((other) => other !== unlock);
    const unopened = others.filter((other) => this.#provedUnopened(other, challenge));
    for (const other of others) if (!unopened.includes(other)) this.#at(other.id, now);
    if (others.some((other) => !unopened.includes(other) && /^(issued|open)$/.test(other.state)))
      return 'module-in-use';
    for (const other of unopened) other.state = 'expired';
    return this.#grant(unlock, challenge, now);
  }

  reveal(id: string, now: number): string | number {
    const unlock = this.#at(id, now);
    if (this.obstacle !== undefined) return this.obstacle;
    const newest = unlock.tokens.at(-1);
    if (newest === undefined || !/^(issued|open)$/.test(unlock.state)) return 'unlock-state';
    const ver = newest.ver ?? newest.challenge.pwv;
    this.#revealed.add(ver);
    return ver;
  }

  receive(receipt: ModelReceipt): void {
    const unlock = this.#find(receipt.unlock);
    const key = JSON.stringify([receipt.unlock, receipt.event, receipt.seq]);
    if (this.#taken.has(key)) return;
    this.#taken.add(key);
    if (receipt.seq > this.#word.seq) this.#word = receipt;
    const decided = !/^(issued|open|unaccounted)$/.test(unlock.state);
    if (receipt.event === 'opened') {
      unlock.opened = true;
      if (unlock.state === 'issued') unlock.state = 'open';
    } else if (receipt.event === 'closed' && !decided) {
      unlock.state = 'closed';
    } else if (receipt.event === 'refused' && !decided && !unlock.opened) {
      if (receipt.seq > this.#seqOf(unlock.id)) unlock.state = 'expired';
    }
  }

  suspend(suspended: boolean): void {
    this.#suspended = suspended;
  }

  clear(): void {
    this.#cleared = this.#foreign ?? this.#cleared;
    this.#foreign = undefined;
  }

  stateOf(id: string, now: number): State {
    return this.#at(id, now).state;
  }

  #grant(unlock: ModelUnlock, challenge: ModelChallenge, now: number): ModelToken {
    const secret = challenge.pwv > 0 && challenge.pwv <= this.#sent && !this.#revealed.has(challenge.pwv);
    const fresh = Math.max(this.#sent, challenge.pwv, this.#word.pwv) + 1;
    const token = { challenge, ver: secret ? undefined : fresh };
    if (!secret) this.#sent = fresh;
    if (challenge.seq > this.#word.seq) this.#word = challenge;
    this.#highest = challenge.seq;
    this.#granted.add(challenge);
    unlock.tokens.push(token);
    unlock.state = 'issued';
    unlock.over = now + NONCE_LIFE + Math.min(unlock.seconds, challenge.for);
    return token;
  }

  /** A later challenge whose `last` is not this unlock, nor anything that was granted after it. */
  #provedUnopened(other: ModelUnlock, { last }: ModelChallenge): boolean {
    if (other.opened || other.id === last) return false;
    if (other.state === 'issued') return true;
    return other.state === 'unaccounted' && this.#seqOf(last) < this.#seqOf(other.id);
  }

  /** `seq` of the challenge that an unlock's newest token answered; 0 where it has none. */
  #seqOf(id: string | undefined): number {
    return this.unlocks.get(id ?? '')?.tokens.at(-1)?.challenge.seq ?? 0;
  }

  /** The unlock, after what time has done to it. */
  #at(id: string, now: number): ModelUnlock {
    const unlock = this.#find(id);
    if (unlock.state === 'ready' && now >= unlock.deadline) unlock.state = 'expired';
    if (/^(issued|open)$/.test(unlock.state) && now >= unlock.over) unlock.state = 'unaccounted';
    return unlock;
  }

  #find(id: string): ModelUnlock {
    const unlock = this.unlocks.get(id);
    if (unlock === undefined) throw new Error(`the model has no unlock ${id}`);
    return unlock;
  }
}
