import { LONGEST_ANSWER } from '../../protocol/at/parameters.ts';

/** Kept of one line: what may be an echo and an answer run together. What comes after is dropped. */
const MOST = 2 * LONGEST_ANSWER;

/** Cuts what arrives into lines, whichever of CR and LF ends them; empty ones are passed over. */
export class LineReader {
  #line = '';

  /** @returns the lines that these bytes complete, one character for each byte */
  push(bytes: Uint8Array): string[] {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const [first = '', ...rest] = text.split(/[\r\n]/);
    const lines: string[] = [];
    this.#add(first);
    for (const part of rest) {
      if (this.#line !== '') lines.push(this.#line);
      this.#line = '';
      this.#add(part);
    }
    return lines;
  }

  #add(part: string): void {
    this.#line += part.slice(0, MOST - this.#line.length);
  }
}
