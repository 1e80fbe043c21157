import { verify } from 'unixcrypt';
import { run } from './shell.ts';

/** Longest line that a user may type; what goes on is dropped. */
const LONGEST_LINE = 255;

const PROMPT = '~ # ';

/** Where a session is: `login: `, `Password: `, or the shell. */
type Step =
  | { readonly at: 'login' }
  | { readonly at: 'password'; readonly user: string }
  | { readonly at: 'shell' };

/**
 * A getty, a login and a shell on the console port, for one session. It begins at `login: `, and again
 * after `exit`. Only `root` exists.
 */
export class Login {
  #step: Step = { at: 'login' };
  #line = '';
  readonly #banner: string;
  readonly #hash: () => string | undefined;
  readonly #write: (text: string) => void;

  /**
   * @param hash reads the `$6$` hash of the password in force; without one nobody gets in
   * @param write sends text to the console port
   */
  constructor(hwid: string, hash: () => string | undefined, write: (text: string) => void) {
    this.#banner = `\r\nLatchkey simulated module ${hwid}\r\n\r\n`;
    this.#hash = hash;
    this.#write = write;
    this.#greet();
  }

  /** Takes what the user types; echoes it as a terminal line does, save for the password. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.#type(byte);
  }

  #type(byte: number): void {
    const character = String.fromCharCode(byte);
    if (character === '\r' || character === '\n') this.#enter();
    else if (character === '\x7f' || character === '\b') this.#erase();
    else if (character === '\x03') this.#interrupt();
    else if (character === '\x04' && this.#line === '') this.#greet();
    else if (byte >= 0x20 && this.#line.length < LONGEST_LINE) {
      this.#line += character;
      this.#echo(character);
    }
  }

  #echo(text: string): void {
    if (this.#step.at !== 'password') this.#write(text);
  }

  #erase(): void {
    if (this.#line === '') return;
    this.#line = this.#line.slice(0, -1);
    this.#echo('\b \b');
  }

  #interrupt(): void {
    this.#line = '';
    if (this.#step.at === 'shell') this.#write(`^C\r\n${PROMPT}`);
    else this.#greet();
  }

  #enter(): void {
    const line = this.#line;
    this.#line = '';
    this.#write('\r\n');
    switch (this.#step.at) {
      case 'login':
        if (line === '') this.#ask('login');
        else this.#askPassword(line);
        break;
      case 'password':
        this.#check(this.#step.user, line);
        break;
      case 'shell':
        this.#command(line);
        break;
    }
  }

  #greet(): void {
    this.#write(this.#banner);
    this.#ask('login');
  }

  #ask(at: 'login' | 'shell'): void {
    this.#step = { at };
    this.#write(at === 'login' ? 'login: ' : PROMPT);
  }

  #askPassword(user: string): void {
    this.#step = { at: 'password', user };
    this.#write('Password: ');
  }

  /** The hash is computed for every user, so that time does not tell which one exists. */
  #check(user: string, password: string): void {
    const hash = this.#hash();
    const right = hash !== undefined && verify(password, hash);
    const welcome = right && user === 'root';
    if (!welcome) this.#write('Login incorrect\r\n');
    this.#ask(welcome ? 'shell' : 'login');
  }

  #command(line: string): void {
    if (line.trim() === 'exit') {
      this.#greet();
      return;
    }
    const output = run(line);
    if (output !== '') this.#write(`${output.replaceAll('\n', '\r\n')}\r\n`);
    this.#write(PROMPT);
  }
}
