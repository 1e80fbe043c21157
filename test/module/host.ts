import { openPort } from '../../cli/port/open.ts';
import { parseAnswer } from '../../protocol/at/answer.ts';
import { dataCommands, formatCommand } from '../../protocol/at/command.ts';
import { thumbprint } from '../../protocol/jwk.ts';
import type { Challenge } from '../../protocol/messages.ts';
import type { Issuer } from './issuer.ts';

/** The other end of a real port: what a host writes and hears. */
export class HostPort {
  #heard = '';
  #wake: () => void = () => {};
  readonly #port: Awaited<ReturnType<typeof openPort>>;

  private constructor(port: Awaited<ReturnType<typeof openPort>>) {
    this.#port = port;
    port.listen({
      data: (bytes) => {
        this.#heard += Buffer.from(bytes).toString('latin1');
        this.#wake();
      },
      closed: () => this.#wake(),
    });
  }

  static async open(path: string): Promise<HostPort> {
    return new HostPort(await openPort(path));
  }

  async write(text: string): Promise<void> {
    await this.#port.write(Buffer.from(text, 'latin1'));
  }

  /** Takes what is heard up to the end of `pattern`, as soon as that is there. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#heard);
      if (found !== null) {
        const end = found.index + found[0].length;
        const taken = this.#heard.slice(0, end);
        this.#heard = this.#heard.slice(end);
        return taken;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends an AT line, gives its answer with all its bytes. */
  async at(line: string): Promise<string> {
    await this.write(`${line}\r`);
    return this.until(/\r\n(?:OK|ERROR|\+CME ERROR: \d+)\r\n/);
  }

  close(): Promise<void> {
    return this.#port.close();
  }
}

/** Sends a message in pieces and has it acted on. @returns the whole last answer */
export async function give(
  at: HostPort,
  verb: 'unlock' | 'keys' | 'provision',
  message: string,
): Promise<string> {
  for (const command of dataCommands(message)) await at.at(formatCommand(command));
  return at.at(`AT+QLATCH="${verb}"`);
}

/** The claims of a new challenge for the console. */
export async function challenge(at: HostPort, seconds: number): Promise<Challenge> {
  const text = await at.at(`AT+QLATCH="challenge","console",${seconds}`);
  const answer = text
    .split('\r\n')
    .map(parseAnswer)
    .find(({ kind }) => kind === 'challenge');
  if (answer?.kind !== 'challenge') throw new Error(text);
  return JSON.parse(Buffer.from(answer.jws.split('.')[1] ?? '', 'base64url').toString()) as Challenge;
}

/** Manifest 1 and a bundle whose password has the hash `hash`. */
export async function provision(at: HostPort, issuer: Issuer, hash: string): Promise<void> {
  await give(at, 'keys', await issuer.manifest({ ver: 1 }));
  const identity = (await at.at('AT+QLATCH="identity"')).split('\r\n').map(parseAnswer);
  const found = identity.find(({ kind }) => kind === 'identity');
  if (found?.kind !== 'identity') throw new Error('no identity');
  const dkt = thumbprint({ kty: 'EC', crv: 'P-256', x: found.x, y: found.y });
  await give(at, 'provision', await issuer.bundle({ sub: found.hwid, dkt, pw: { ver: 1, hash } }));
}
