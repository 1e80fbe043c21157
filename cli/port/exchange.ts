import { type Answer, type LatchAnswer, parseAnswer } from '../../protocol/at/answer.ts';

/** Which lines a command's answer has before its final `OK`. */
export interface Expected {
  readonly kind?: LatchAnswer['kind'];
  readonly least: number;
  readonly most: number;
}

/** How an answer ended. */
export type Outcome =
  | { readonly kind: 'answer'; readonly lines: readonly LatchAnswer[] }
  | { readonly kind: 'refused'; readonly cme: number }
  | { readonly kind: 'error' | 'garbled' };

/**
 * One command and the lines that come after it, until its answer is whole. A module works on commands
 * in order and ends each answer once, so an answer of another kind belongs to an earlier command, of
 * which nobody waits any more, and so does the final line after it.
 */
export class Exchange {
  readonly #sent: string;
  readonly #expected: Expected;
  readonly #unsolicited: (answer: Answer) => void;
  readonly #fence: boolean;
  #lines: LatchAnswer[] = [];
  #malformed = false;
  #late = false;

  constructor(
    sent: string,
    expected: Expected,
    unsolicited: (answer: Answer) => void = () => {},
    fence = false,
  ) {
    this.#sent = sent;
    this.#expected = expected;
    this.#unsolicited = unsolicited;
    this.#fence = fence;
  }

  /** @returns the outcome once the answer is whole */
  take(line: string): Outcome | undefined {
    const answer = this.#parse(line);
    if (answer === undefined) return undefined;
    switch (answer.kind) {
      case 'ok':
        return this.#isLate() ? undefined : this.#final(this.#judge());
      case 'error':
        return this.#final({ kind: 'error' });
      case 'cme':
        return this.#final({ kind: 'refused', cme: answer.code });
      case 'malformed':
        this.#malformed = true;
        return undefined;
      case 'other':
      case 'indication':
        this.#unsolicited(answer);
        return undefined;
      default:
        return this.#add(answer);
    }
  }

  /** undefined for an echo. Some stacks run the echo and the answer together. */
  #parse(line: string): Answer | undefined {
    if (!line.startsWith(this.#sent)) return parseAnswer(line);
    const rest = parseAnswer(line.slice(this.#sent.length));
    return rest.kind === 'other' ? undefined : rest;
  }

  #add(answer: LatchAnswer): undefined {
    if (answer.kind !== this.#expected.kind) this.#late = true;
    else if (this.#lines.length <= this.#expected.most) this.#lines.push(answer);
  }

  #final(outcome: Outcome): Outcome | undefined {
    if (!this.#late) return outcome;
    this.#late = false;
    this.#lines = [];
    this.#malformed = false;
    return undefined;
  }

  /** A fence passes over the bare finals that earlier commands left. */
  #isLate(): boolean {
    return this.#fence && this.#lines.length === 0 && !this.#malformed && !this.#late;
  }

  #judge(): Outcome {
    const { least, most } = this.#expected;
    const count = this.#lines.length;
    if (count < least || count > most || (this.#malformed && count < most)) return { kind: 'garbled' };
    return { kind: 'answer', lines: this.#lines };
  }
}
