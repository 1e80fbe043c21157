import type { Cli } from '../context.ts';
import { deliverWaiting } from '../delivery.ts';
import { asFailure, type Failure } from '../failure.ts';
import { demandProfile, readIdentity } from '../profile.ts';
import { lifeOf } from '../renewal.ts';
import { keptKeys, type Session, startSession } from '../session.ts';
import type { Trusted } from '../trust.ts';
import { isOutage } from './outage.ts';

/** The line waits less than a person does: it has somewhere to go. */
const PATIENCE = { silence: 8000, pauses: [250, 2000] };

/** Milliseconds for which a certificate that was looked at counts as the home's. */
const LOOK = 60_000;

/** Milliseconds between two questions whether the server is back. */
const PROBE = 5000;

/** What is done whenever a server is found: at the start of a run, and when it is back. */
export interface Greeting {
  /** Before any lane may use it. */
  greet(session: Session): Promise<void>;
  /** Beside the lanes. */
  deliver(session: Session): Promise<void>;
  /** When the lanes are done. */
  part(session: Session): Promise<void>;
}

/**
 * The one connection to the server that all lanes share. The first of them that finds no server tells the
 * others, which then lose no time; whether it is back is asked beside them.
 */
export class Uplink {
  readonly #cli: Cli;
  readonly #greeting: Greeting;
  readonly #ended = new AbortController();
  readonly #sessions: Promise<Session>[] = [];
  /** Serial of the certificate that the newest session shows. */
  #serial: string | undefined;
  #looked = 0;
  #away: Failure | undefined;
  readonly #ready: Promise<void>;
  #delivering: Promise<void> = Promise.resolve();

  /** @param cli whose signal does not count: what is under way ends in order */
  constructor(cli: Cli, greeting: Greeting) {
    this.#cli = { ...cli, signal: this.#ended.signal };
    this.#greeting = greeting;
    this.#ready = this.#greet().catch((error) => this.#failed(error));
  }

  /** @throws Failure as `work` does; where there is no server, why: see isOutage() */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.#ready;
    if (this.#away !== undefined) throw this.#away;
    try {
      return await work(await this.#session());
    } catch (error) {
      if (isOutage(error)) this.#lost(asFailure(error));
      throw error;
    }
  }

  /** Keys as this home has followed them, as far as the server could be asked when the run began. */
  async kept(): Promise<Trusted | undefined> {
    await this.#ready;
    return keptKeys(this.#cli.home, demandProfile(this.#cli.home));
  }

  /** What waits goes to the server, and its log is held to what it was. @throws Failure `verification` */
  async end(): Promise<void> {
    await this.#ready;
    if (this.#away === undefined) await this.#delivering;
    try {
      if (this.#away === undefined) await this.#settle(await this.#session());
    } catch (error) {
      const failure = asFailure(error);
      if (failure.exit === 'verification') throw failure;
      this.#cli.out.warn(failure.message);
    } finally {
      this.#ended.abort();
      for (const session of this.#sessions) {
        session.then(
          ({ client }) => client.close(),
          () => {},
        );
      }
    }
  }

  async #settle(session: Session): Promise<void> {
    await deliverWaiting(this.#cli, session.client);
    await this.#greeting.part(session);
    await session.witness();
  }

  /** Begun anew where the certificate was renewed, by another command or because it is over. */
  #session(): Promise<Session> {
    const newest = this.#sessions.at(-1);
    const now = this.#cli.clock();
    if (newest !== undefined && now.getTime() - this.#looked < LOOK) return newest;
    this.#looked = now.getTime();
    const certificate = readIdentity(this.#cli.home)?.certificate;
    const same = certificate?.serialNumber === this.#serial && certificate !== undefined;
    if (newest !== undefined && same && !lifeOf(certificate, now).over) return newest;
    const session = startSession(this.#cli, PATIENCE);
    this.#sessions.push(session);
    this.#serial = certificate?.serialNumber;
    return session;
  }

  async #greet(): Promise<void> {
    const session = await this.#session();
    await this.#greeting.greet(session);
    this.#delivering = this.#greeting.deliver(session).catch((error) => this.#failed(error));
  }

  #failed(error: unknown): void {
    const failure = asFailure(error);
    if (isOutage(failure)) this.#lost(failure);
    else this.#cli.out.warn(failure.message);
  }

  #lost(failure: Failure): void {
    if (this.#away !== undefined || this.#ended.signal.aborted) return;
    this.#away = failure;
    this.#cli.out.warn(`${failure.message} Modules go into the journal until the server is back`);
    void this.#probe();
  }

  async #probe(): Promise<void> {
    const { signal } = this.#ended;
    for (;;) {
      try {
        await this.#cli.delay(PROBE, signal);
        await this.#greet();
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (isOutage(error)) continue;
        this.#cli.out.warn(asFailure(error).message);
        break;
      }
    }
    this.#away = undefined;
    this.#cli.out.warn('the server is back');
  }
}
