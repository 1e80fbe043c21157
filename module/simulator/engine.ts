import type { LatchAnswer } from '../../protocol/at/answer.ts';
import { type Command, verbs } from '../../protocol/at/command.ts';
import { Latch, type Parts } from './latch.ts';
import type { TlsIdentity } from './tls-key.ts';

/**
 * A module that is switched on: a command goes in, its answers come out. One command, one time-out or
 * one end of a service is worked on at a time.
 */
export class Engine {
  readonly #latch: Latch;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts) {
    this.#latch = new Latch(parts, (act) => void this.#inTurn(act));
  }

  /** @throws Refusal 914 where the flash fails, and whatever the store throws for what it cannot read */
  static async boot(parts: Parts): Promise<Engine> {
    const engine = new Engine(parts);
    await engine.#latch.boot();
    return engine;
  }

  /** @throws Refusal */
  execute(command: Command): Promise<readonly LatchAnswer[]> {
    return this.#inTurn(async () => {
      await this.#latch.session.expire();
      return this.#act(command);
    });
  }

  /** An orderly end: what is open is closed, with a receipt. It is to be given no more commands. */
  stop(): Promise<unknown> {
    const { session } = this.#latch;
    return this.#inTurn(() => session.end('stop').finally(() => session.drop()));
  }

  /** The power goes. It is to be given no more commands. */
  cut(): Promise<void> {
    return this.#inTurn(() => this.#latch.session.drop());
  }

  /** Key and certificate for TLS, PEM; undefined before the module has both. */
  tlsIdentity(): TlsIdentity | undefined {
    return this.#latch.tlsIdentity();
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #act(command: Command): Promise<readonly LatchAnswer[]> {
    const latch = this.#latch;
    switch (command.verb) {
      case 'verbs':
        return [{ kind: 'verbs', verbs }];
      case 'state':
        return [latch.state()];
      case 'identity':
        return [latch.identity()];
      case 'challenge':
        return [await latch.challenge(command.scope, command.for)];
      case 'data':
        latch.data(command.offset, command.piece);
        return [];
      case 'unlock':
        return [await latch.unlock()];
      case 'keys':
        return [latch.keys()];
      case 'provision':
        return [await latch.provision()];
      case 'lock':
        return latch.lock();
      case 'csr':
        return [await latch.csr()];
      case 'certificate':
        return [latch.certificate()];
      case 'receipts':
        return latch.receipts(command.after);
    }
  }
}
