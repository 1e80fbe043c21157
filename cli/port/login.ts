import { PortError } from './fault.ts';
import { mask } from './mask.ts';
import type { Port, PortListener } from './port.ts';
import { type Prompt, promptOf } from './prompts.ts';
import { systemTimers, type Timers } from './timers.ts';
import { closedByUs } from './trouble.ts';

/** What the module's login asks for. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** A prompt counts once nothing has come after it for so long, in milliseconds: more may be on its way. */
const SETTLE = 150;
/** A module is asked for its prompt again once it has said nothing for so long, or no prompt for so long. */
const ASK_AGAIN = 3000;
const BABBLE = 8000;
const MOST_ASKED = 6;
/** From name to password prompt, and from password to shell: login waits before it refuses. */
const ANSWER = 20_000;
/** A shell may have a prompt of its own: what has said something, and then nothing for so long, waits for us. */
const QUIET = 3000;
/** Characters kept of what came since something was typed. */
const KEPT = 4096;
/** Bytes kept of what came since the password was typed: they are shown. */
const MOST_SHOWN = 65_536;

interface Waiting {
  /** Which prompts end the wait; any. */
  readonly counts?: (prompt: Prompt) => boolean;
  /** Milliseconds without a byte that end it too; `quiet`: only after something was said. */
  readonly silence?: number;
  readonly quiet?: number;
}

/** A console that a login is typed into before somebody gets it. All that the module says is hostile. */
export class LoginConsole {
  readonly #port: Port;
  readonly #timers: Timers;
  #said = '';
  #listener: PortListener;
  #after: Uint8Array = Buffer.alloc(0);
  #stirred = () => {};
  #gone: PortError | undefined;
  #closed = false;

  constructor(port: Port, timers: Timers = systemTimers) {
    this.#port = port;
    this.#timers = timers;
    this.#listener = { data: (bytes) => this.#hear(bytes), closed: () => this.#stirred() };
    port.listen({
      data: (bytes) => this.#listener.data(bytes),
      closed: (why) => {
        this.#closed = true;
        this.#gone = why;
        this.#listener.closed(why);
      },
    });
  }

  /**
   * Brings the console to its login prompt.
   * @returns `shell` where somebody is logged in already
   * @throws PortError `login-missing`
   */
  async reach(): Promise<'login' | 'shell'> {
    for (let asked = 0; asked < MOST_ASKED; asked += 1) {
      // An Enter brings any prompt again. It also leaves a password prompt that somebody left behind.
      await this.#type('\r');
      const prompt = await this.#prompt(BABBLE, { silence: ASK_AGAIN });
      if (prompt === 'shell') return prompt;
      if (prompt === 'login' || prompt === 'refusal') return 'login';
    }
    throw this.#fault('login-missing', 'shows no login prompt', 'Look at it: latchkey console.');
  }

  /**
   * Types name and password, the password only into a password prompt that comes after the name.
   * @returns the port for whoever sits before it; it begins with what came after the password
   * @throws PortError `login-missing`, `login-refused`
   */
  async logIn({ user, password }: Credentials): Promise<Port> {
    await this.#type(`${user}\r`);
    // Its echo ends a line first. What else comes may still be the answer to an Enter.
    const isAsked = (prompt: Prompt) => prompt === 'password' && /[\r\n]/.test(this.#said);
    if ((await this.#prompt(ANSWER, { counts: isAsked })) === undefined) {
      throw this.#fault('login-missing', 'did not ask for a password', 'Nothing but the name was typed.');
    }
    await this.#type(`${password}\r`);
    const verdict = await this.#prompt(ANSWER, { quiet: QUIET });
    if (verdict === undefined && this.#said.trim() === '') {
      throw this.#fault('login-missing', 'has said nothing since the password', 'Look: latchkey console.');
    }
    if (verdict !== undefined && verdict !== 'shell') {
      throw this.#fault(
        'login-refused',
        'did not take name and password',
        'Which password is in force may be in doubt: an officer sees why with latchkey passwords doubtful.',
      );
    }
    return this.#handOver(password);
  }

  /** The port as it is, where nothing was typed in. */
  handOver(): Port {
    return this.#handOver(undefined);
  }

  #handOver(secret: string | undefined): Port {
    const show = secret === undefined ? (bytes: Uint8Array) => bytes : mask(Buffer.from(secret, 'latin1'));
    const port = this.#port;
    return {
      name: port.name,
      listen: ({ data, closed }) => {
        const waiting = this.#after;
        this.#after = Buffer.alloc(0);
        this.#listener = { data: (bytes) => data(show(bytes)), closed };
        void data(show(waiting));
        if (this.#closed) closed(this.#gone);
      },
      write: (bytes) => port.write(bytes),
      close: () => port.close(),
      hint: () => port.hint(),
    };
  }

  async #type(text: string): Promise<void> {
    this.#said = '';
    this.#after = Buffer.alloc(0);
    await this.#port.write(Buffer.from(text, 'latin1'));
  }

  #hear(bytes: Uint8Array): void {
    this.#said = (this.#said + Buffer.from(bytes).toString('latin1')).slice(-KEPT);
    this.#after = Buffer.concat([this.#after, bytes]).subarray(-MOST_SHOWN);
    this.#stirred();
  }

  /**
   * Waits for a prompt that stays the last thing said.
   * @returns undefined where none came in time
   * @throws PortError `port-gone`
   */
  #prompt(limit: number, { counts, silence, quiet }: Waiting = {}): Promise<Prompt | undefined> {
    let cancelLimit = () => {};
    let cancelSettle = () => {};
    const waited = new Promise<Prompt | undefined>((resolve, reject) => {
      cancelLimit = this.#timers.after(limit, () => resolve(undefined));
      this.#stirred = () => {
        cancelSettle();
        if (this.#closed) return reject(this.#gone ?? closedByUs(this.#port.name));
        const prompt = promptOf(this.#said);
        if (prompt !== undefined && counts?.(prompt) !== false) {
          cancelSettle = this.#timers.after(SETTLE, () => resolve(prompt));
          return;
        }
        const pause = this.#said.trim() === '' ? silence : (quiet ?? silence);
        if (pause !== undefined) cancelSettle = this.#timers.after(pause, () => resolve(undefined));
      };
      this.#stirred();
    });
    return waited.finally(() => {
      cancelLimit();
      cancelSettle();
      this.#stirred = () => {};
    });
  }

  #fault(code: 'login-missing' | 'login-refused', what: string, next: string): PortError {
    return new PortError(code, `The console at ${this.#port.name} ${what}.`, {
      next: `${next} The module stays open.`,
    });
  }
}
