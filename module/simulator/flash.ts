import { makeDeviceKey } from './device-key.ts';
import { Refusal } from './refusal.ts';
import type { State, Store } from './store.ts';

/** `seq` is reserved in blocks, so that a challenge costs no write. */
const BLOCK = 256;

/** So many receipts are kept for `receipts`. */
const KEPT = 32;

/** What the module remembers, and the rule that it is on flash before anybody is told. */
export class Flash {
  #state: State;
  #next: number;
  readonly #store: Store;

  /** @throws TypeError where the store holds another module */
  constructor(store: Store, hwid: string) {
    this.#store = store;
    this.#state = store.load() ?? newState(hwid);
    if (this.#state.hwid !== hwid) throw new TypeError(`this store is ${this.#state.hwid}’s, not ${hwid}’s`);
    this.#next = this.#state.reserved + 1;
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  /** Password version in force, 0 before the first. */
  get pwv(): number {
    return this.#state.pw?.ver ?? 0;
  }

  /**
   * Changes what is remembered, in one write.
   * @throws Refusal 914, with nothing changed
   */
  update(change: Partial<State>): void {
    const state = { ...this.#state, ...change };
    try {
      this.#store.save(state);
    } catch (error) {
      throw new Refusal(914, error);
    }
    this.#state = state;
  }

  /** As `update`, for what has happened and cannot be refused: a failed write is made good by the next. */
  settle(change: Partial<State>): void {
    try {
      this.update(change);
    } catch {
      this.#state = { ...this.#state, ...change };
    }
  }

  /**
   * A number never given before, whatever became of the power in between.
   * @throws Refusal 914
   */
  nextSeq(): number {
    if (this.#next > this.#state.reserved) this.update({ reserved: this.#next + BLOCK - 1 });
    return this.#next++;
  }

  /** The receipts kept once these are among them. */
  withReceipts(...made: State['receipts']): State['receipts'] {
    return [...this.#state.receipts, ...made].slice(-KEPT);
  }

  /**
   * Brings the password file up to the version stored; a start or an unlock that was cut is finished here.
   * @throws Refusal 914
   */
  writePassword(): void {
    const hash = this.#state.pw?.hash;
    try {
      if (hash !== undefined && this.#store.loadPassword() !== hash) this.#store.savePassword(hash);
    } catch (error) {
      throw new Refusal(914, error);
    }
  }
}

function newState(hwid: string): State {
  return {
    hwid,
    deviceKey: makeDeviceKey(),
    provisioned: false,
    reserved: 0,
    manifest: null,
    roots: null,
    pw: null,
    last: null,
    session: null,
    tls: null,
    receipts: [],
  };
}
