import { formatAnswer, type LatchAnswer } from '../../protocol/at/answer.ts';
import { type Command, parseLine, type Statement } from '../../protocol/at/command.ts';
import { LONGEST_COMMAND } from '../../protocol/at/parameters.ts';
import { Refusal } from './refusal.ts';

/** What stands behind an AT port. */
export interface Behind {
  execute(command: Command): Promise<readonly LatchAnswer[]>;
  readonly firmware: string;
}

const BACKSPACE = 0x08;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/**
 * A V.250 line: bytes of the host in, bytes for the host out. It echoes (§6.2.4) until `ATE0`, takes CR
 * and LF in every mixture for the end of a line, and gives result codes as words between CR LF (§6.2.6).
 */
export class AtPort {
  #echo = true;
  #line = '';
  readonly #behind: Behind;
  readonly #write: (text: string) => void;

  constructor(behind: Behind, write: (text: string) => void) {
    this.#behind = behind;
    this.#write = write;
  }

  /** Resolves once every command that ends in these bytes has been answered. */
  async receive(bytes: Uint8Array): Promise<void> {
    let start = 0;
    for (const [index, byte] of bytes.entries()) {
      if (byte !== RETURN && byte !== NEWLINE) {
        this.#collect(byte);
        continue;
      }
      const line = this.#line;
      this.#line = '';
      this.#echoBack(bytes.subarray(start, index + 1));
      start = index + 1;
      await this.#run(line);
    }
    this.#echoBack(bytes.subarray(start));
  }

  /** Sends an unsolicited line. */
  indicate(answer: LatchAnswer): void {
    this.#say(formatAnswer(answer));
  }

  /** One character more than a command may have is enough to know that it is too long. */
  #collect(byte: number): void {
    if (byte === BACKSPACE) this.#line = this.#line.slice(0, -1);
    else if (this.#line.length <= LONGEST_COMMAND) this.#line += String.fromCharCode(byte);
  }

  #echoBack(bytes: Uint8Array): void {
    if (this.#echo && bytes.length > 0) this.#write(Buffer.from(bytes).toString('latin1'));
  }

  async #run(line: string): Promise<void> {
    const statements = parseLine(line);
    if (statements === undefined) return;
    for (const statement of statements) {
      const failure = await this.#perform(statement);
      if (failure !== undefined) return this.#say(failure);
    }
    this.#say('OK');
  }

  /** @returns the final result code of a command that fails */
  async #perform(statement: Statement): Promise<string | undefined> {
    switch (statement.kind) {
      case 'unknown':
        return 'ERROR';
      case 'echo':
        this.#echo = statement.on;
        return undefined;
      case 'info':
        this.#say('Latchkey');
        this.#say(this.#behind.firmware);
        return undefined;
      case 'latch':
        try {
          for (const answer of await this.#behind.execute(statement.command)) this.#say(formatAnswer(answer));
          return undefined;
        } catch (error) {
          if (error instanceof Refusal) return `+CME ERROR: ${error.code}`;
          throw error;
        }
    }
  }

  #say(line: string): void {
    this.#write(`\r\n${line}\r\n`);
  }
}
