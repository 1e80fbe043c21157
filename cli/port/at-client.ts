import { type Answer, type LatchAnswer, parseAnswer } from '../../protocol/at/answer.ts';
import { type Command, formatCommand } from '../../protocol/at/command.ts';
import { isCme } from '../../protocol/cme.ts';
import { escapeWire } from './escape.ts';
import { Exchange, type Expected, type Outcome } from './exchange.ts';
import type { PortError } from './fault.ts';
import { LineReader } from './lines.ts';
import type { Port } from './port.ts';
import { systemTimers, type Timers } from './timers.ts';
import { closedByUs, garbled, notLatchkey, refused, silent } from './trouble.ts';

/** What a module says without being asked; `text` is escaped. */
export type Unsolicited =
  | Extract<LatchAnswer, { kind: 'indication' }>
  | { readonly kind: 'other'; readonly text: string };

export interface AtOptions {
  readonly timers?: Timers;
  readonly unsolicited?: ((event: Unsolicited) => void) | undefined;
  /** Every line as it goes over the wire, escaped. */
  readonly trace?: ((direction: 'sent' | 'received', line: string) => void) | undefined;
}

/** The lines of each command's answer. */
const expected: Readonly<Record<Command['verb'], Expected>> = {
  verbs: { kind: 'verbs', least: 1, most: 1 },
  state: { kind: 'state', least: 1, most: 1 },
  identity: { kind: 'identity', least: 1, most: 1 },
  challenge: { kind: 'challenge', least: 1, most: 1 },
  data: { least: 0, most: 0 },
  unlock: { kind: 'open', least: 1, most: 1 },
  keys: { kind: 'keys', least: 0, most: 1 },
  provision: { kind: 'provisioned', least: 1, most: 1 },
  lock: { kind: 'locked', least: 0, most: 1 },
  receipts: { kind: 'receipt', least: 0, most: 32 },
  csr: { kind: 'csr', least: 1, most: 1 },
  certificate: { kind: 'certificate', least: 1, most: 1 },
};

/** Characters kept of what arrived since the last command, for errors. */
const SEEN = 400;
/** Unsolicited lines handed on for each command. */
const MOST_UNSOLICITED = 64;

/** Milliseconds: the longest that `synchronise` takes is 6 × AT_LIMIT + 3 × FENCE_LIMIT. */
const AT_LIMIT = 700;
const AT_ATTEMPTS = 6;
const FENCE_LIMIT = 2000;
const FENCE_ATTEMPTS = 3;

/** Commands and answers over a port (V.250 §5), one at a time. */
export class AtClient {
  readonly #port: Port;
  readonly #options: AtOptions;
  readonly #timers: Timers;
  readonly #lines = new LineReader();
  #receive: ((line: string) => void) | undefined;
  #fail: ((why: PortError) => void) | undefined;
  #gone: PortError | undefined;
  #inStep = false;
  #seen = '';
  #unsolicited = 0;

  constructor(port: Port, options: AtOptions = {}) {
    this.#port = port;
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    port.listen({ data: (bytes) => this.#data(bytes), closed: (why) => this.#closed(why) });
  }

  /**
   * @param limit milliseconds for the answer; where an earlier one did not come, `synchronise` is before it
   * @returns the lines before the final `OK`
   * @throws PortError
   */
  async execute(command: Command, limit: number): Promise<readonly LatchAnswer[]> {
    if (!this.#inStep) await this.synchronise();
    const line = formatCommand(command);
    const outcome = await this.#exchange(line, expected[command.verb], limit);
    switch (outcome?.kind) {
      case 'answer':
        return outcome.lines;
      case 'refused':
        throw refused(this.#port.name, line, outcome.cme);
      case 'error':
        throw notLatchkey(this.#port.name, line);
      case 'garbled':
        this.#inStep = false;
        throw garbled(await this.#circumstances(line));
      default:
        throw silent(await this.#circumstances(line), limit);
    }
  }

  /**
   * Brings both ends into step, whatever was under way: sends `AT` until `OK`, then asks for the state.
   * That answer bears its own name, and whatever was still to come from before comes before it.
   * @throws PortError
   */
  async synchronise(): Promise<Extract<LatchAnswer, { kind: 'state' }>> {
    await this.#attention();
    const line = formatCommand({ verb: 'state' });
    let outcome: Outcome | undefined;
    for (let attempt = 0; attempt < FENCE_ATTEMPTS; attempt++) {
      outcome = await this.#exchange(line, expected.state, FENCE_LIMIT, true);
      if (outcome?.kind === 'error') throw notLatchkey(this.#port.name, line);
      if (outcome?.kind === 'refused' && !isCme(outcome.cme)) throw notLatchkey(this.#port.name, line);
      const [state] = outcome?.kind === 'answer' ? outcome.lines : [];
      if (state?.kind !== 'state') continue;
      this.#inStep = true;
      return state;
    }
    const circumstances = await this.#circumstances(line);
    throw outcome === undefined ? silent(circumstances, FENCE_LIMIT) : garbled(circumstances);
  }

  async #attention(): Promise<void> {
    let heard = false;
    for (let attempt = 0; attempt < AT_ATTEMPTS; attempt++) {
      // What a program before us left of a command makes the first one an ERROR.
      const outcome = await this.#exchange('AT', { least: 0, most: 0 }, AT_LIMIT);
      if (outcome?.kind === 'answer') return;
      heard ||= outcome !== undefined;
    }
    const circumstances = await this.#circumstances('AT');
    throw heard ? garbled(circumstances) : silent(circumstances, AT_LIMIT);
  }

  /** @returns undefined for silence */
  async #exchange(
    line: string,
    awaited: Expected,
    limit: number,
    fence = false,
  ): Promise<Outcome | undefined> {
    if (this.#gone !== undefined) throw this.#gone;
    this.#seen = '';
    this.#unsolicited = 0;
    const exchange = new Exchange(line, awaited, (answer) => this.#tell(answer), fence);
    let cancel = () => {};
    try {
      return await new Promise<Outcome | undefined>((resolve, reject) => {
        this.#fail = reject;
        this.#receive = (received) => {
          const outcome = exchange.take(received);
          if (outcome !== undefined) resolve(outcome);
        };
        cancel = this.#timers.after(limit, () => {
          this.#inStep = false;
          resolve(undefined);
        });
        this.#options.trace?.('sent', escapeWire(line, line.length));
        this.#port.write(Buffer.from(`${line}\r`, 'latin1')).catch(reject);
      });
    } finally {
      cancel();
      this.#receive = undefined;
      this.#fail = undefined;
    }
  }

  #data(bytes: Uint8Array): void {
    this.#seen += Buffer.from(bytes).toString('latin1').slice(-SEEN);
    this.#seen = this.#seen.slice(-SEEN);
    for (const line of this.#lines.push(bytes)) {
      this.#options.trace?.('received', escapeWire(line, line.length));
      if (this.#receive !== undefined) this.#receive(line);
      else this.#tell(parseAnswer(line));
    }
  }

  #tell(answer: Answer): void {
    if (this.#unsolicited++ >= MOST_UNSOLICITED) return;
    if (answer.kind === 'indication') this.#options.unsolicited?.(answer);
    if (answer.kind === 'other') {
      this.#options.unsolicited?.({ kind: 'other', text: escapeWire(answer.text) });
    }
  }

  #closed(why: PortError | undefined): void {
    this.#gone = why ?? closedByUs(this.#port.name);
    this.#fail?.(this.#gone);
  }

  async #circumstances(sent: string) {
    return { port: this.#port.name, sent, seen: this.#seen, hint: await this.#port.hint() };
  }
}
