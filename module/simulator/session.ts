import type { Closing, Refusal as Reason, UnlockToken } from '../../protocol/messages.ts';
import type { Clock } from './clock.ts';
import type { Flash } from './flash.ts';
import { type Happening, type KeptReceipt, makeReceipt } from './receipts.ts';
import { Refusal } from './refusal.ts';
import type { Service, ServiceScope } from './service.ts';
import type { State } from './store.ts';

/** What a session needs of the module around it. */
export interface Surroundings {
  readonly flash: Flash;
  readonly service: Service;
  readonly clock: Clock;
  /** Runs `act` between two commands, never during one. */
  inTurn(act: () => Promise<void>): void;
  /** The module locked itself. */
  timedOut(): void;
}

interface Open {
  readonly jti: string;
  readonly scope: ServiceScope;
  /** seconds */
  readonly for: number;
  readonly since: number;
  readonly callOff: () => void;
}

/** The last receipt of a session that is over, while it cannot be made. */
interface Owed {
  readonly what: Happening;
  /** The session as it stands on flash until then. */
  readonly session: State['session'];
}

/** So often a receipt that is owed is tried, in milliseconds. */
const AGAIN = 10_000;

/** The console while it is open: at most one session, which its own module ends. */
export class Session {
  #open: Open | undefined;
  #owed: Owed | undefined;
  #callOff = () => {};
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Whole seconds until the module locks itself, 0 when it is locked. */
  get remaining(): number {
    return this.#open === undefined ? 0 : Math.max(0, Math.ceil(this.#open.for - this.#seconds(this.#open)));
  }

  /**
   * Makes a token accepted: `last`, `pw` and the session's `jti` in one write, then the password file.
   * A token that cannot be stored leaves a `refused` receipt.
   * @throws Refusal 914
   */
  async accept({ jti, scope, for: seconds, pw }: UnlockToken): Promise<void> {
    const { flash } = this.#around;
    try {
      flash.update({ last: jti, session: { jti, scope, for: seconds }, ...(pw !== undefined && { pw }) });
    } catch (error) {
      await this.refuse(jti, 'storage');
      throw error;
    }
    try {
      flash.writePassword();
    } catch (error) {
      await this.refuseAccepted('storage');
      throw error;
    }
  }

  /**
   * Starts the service of an accepted token. Nothing opens that cannot be recorded.
   * @returns the `opened` receipt
   * @throws Refusal 913, 914
   */
  async start(jti: string, scope: ServiceScope, seconds: number): Promise<KeptReceipt> {
    const { flash, service, clock, inTurn } = this.#around;
    const since = clock.now();
    const ended = () =>
      inTurn(async () => {
        if (this.#open === session) await this.#endUnasked('service');
      });
    const callOff = clock.after(seconds * 1000, () => inTurn(() => this.expire()));
    const session: Open = { jti, scope, for: seconds, since, callOff };
    try {
      await service.start(scope, ended);
    } catch (error) {
      callOff();
      await this.refuseAccepted('service');
      throw new Refusal(913, error);
    }
    try {
      const receipt = await makeReceipt(flash, { jti, event: 'opened' });
      flash.update({ receipts: flash.withReceipts(receipt) });
      this.#open = session;
      return receipt;
    } catch (error) {
      callOff();
      await service.stop(scope);
      await this.refuseAccepted('storage');
      throw error;
    }
  }

  /**
   * Ends the session and every process in it.
   * @returns the `closed` receipt, undefined where nothing was open
   * @throws Refusal 914 where no receipt can be made: the session has ended all the same, and owes it. It stays on
   * flash until the next call, a while or the next start has made one, and no other is accepted before
   */
  async end(why: Closing): Promise<KeptReceipt | undefined> {
    const open = this.#open;
    if (open !== undefined) {
      const { jti, scope } = open;
      const session = this.#stored();
      this.#open = undefined;
      open.callOff();
      await this.#around.service.stop(scope);
      const elapsed = Math.floor(this.#seconds(open));
      this.#owed = { what: { jti, event: 'closed', why, elapsed }, session };
    }
    return this.#settle();
  }

  /** Makes the receipt that is owed, if one is. */
  async #settle(): Promise<KeptReceipt | undefined> {
    const { flash, clock, inTurn } = this.#around;
    this.#callOff();
    if (this.#owed === undefined) return undefined;
    this.#callOff = clock.after(AGAIN, () => inTurn(() => this.#tolerate(this.#settle())));
    const receipt = await makeReceipt(flash, this.#owed.what);
    this.#callOff();
    this.#owed = undefined;
    flash.settle({ session: null, receipts: flash.withReceipts(receipt) });
    return receipt;
  }

  /** Ends the session if its time is over. */
  async expire(): Promise<void> {
    if (this.#open === undefined || this.#seconds(this.#open) < this.#open.for) return;
    await this.#endUnasked('timeout');
    this.#around.timedOut();
  }

  #endUnasked(why: Closing): Promise<void> {
    return this.#tolerate(this.end(why));
  }

  /** Nobody has asked, and so nobody is refused. */
  async #tolerate(act: Promise<unknown>): Promise<void> {
    try {
      await act;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** Keeps a `refused` receipt, as long as one can be made: the refusal stands without it. */
  async refuse(jti: string, why: Reason): Promise<void> {
    const { flash } = this.#around;
    await this.#tolerate(
      makeReceipt(flash, { jti, event: 'refused', why }).then((receipt) =>
        flash.settle({ session: this.#stored(), receipts: flash.withReceipts(receipt) }),
      ),
    );
  }

  /** As `refuse`, for a token that was accepted and is on flash: its receipt is owed as a session's is. */
  async refuseAccepted(why: Reason): Promise<void> {
    const { session } = this.#around.flash.state;
    if (session === null) return;
    this.#owed = { what: { jti: session.jti, event: 'refused', why }, session };
    await this.#tolerate(this.#settle());
  }

  /** The power goes: the processes die, nothing is written. */
  async drop(): Promise<void> {
    const session = this.#open;
    this.#open = undefined;
    this.#owed = undefined;
    this.#callOff();
    session?.callOff();
    if (session !== undefined) await this.#around.service.stop(session.scope);
  }

  #seconds({ since }: Open): number {
    return (this.#around.clock.now() - since) / 1000;
  }

  #stored(): State['session'] {
    if (this.#open === undefined) return this.#owed?.session ?? null;
    const { jti, scope, for: seconds } = this.#open;
    return { jti, scope, for: seconds };
  }
}
