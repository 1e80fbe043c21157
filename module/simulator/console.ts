import { Login } from './login.ts';
import type { Service, ServiceScope } from './service.ts';

/** The console port's other end. */
export interface Terminal {
  write(text: string): void;
  /** Throws away what nobody has read yet. */
  discard(): void;
}

/**
 * The simulator's services: `console` puts a login on the console port, `adb` and `ssh` start nothing
 * that could be seen. While `console` is not started the port is dead: no prompt, no echo, no old output.
 */
export class ConsoleService implements Service {
  #login: Login | undefined;
  readonly #hwid: string;
  readonly #hash: () => string | undefined;
  readonly #terminal: Terminal;

  constructor(hwid: string, hash: () => string | undefined, terminal: Terminal) {
    this.#hwid = hwid;
    this.#hash = hash;
    this.#terminal = terminal;
  }

  async start(scope: ServiceScope): Promise<void> {
    if (scope !== 'console') return;
    this.#login = new Login(this.#hwid, this.#hash, (text) => this.#terminal.write(text));
  }

  async stop(): Promise<void> {
    this.#login = undefined;
    this.#terminal.discard();
  }

  /** Takes what the user types. */
  receive(bytes: Uint8Array): void {
    this.#login?.receive(bytes);
  }
}
