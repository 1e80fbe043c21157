import type { Streams } from '../output.ts';
import { table } from '../output.ts';
import { printable } from '../printable.ts';

type Terminal = Streams['stderr'] & { readonly rows?: number; readonly columns?: number };

/** Milliseconds between two pictures, and how often elapsed time is shown anew. */
const PACE = 100;
const TICK = 1000;

/** Control sequences of ECMA-48: cursor up, erase to the end of the screen. */
const up = (lines: number) => (lines === 0 ? '' : `\x1b[${lines}A`);
const ERASE = '\r\x1b[J';

/** Rows at the bottom of a terminal, drawn anew in their place; what is printed scrolls by above them. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #frame: () => string[][];
  readonly #tick: NodeJS.Timeout;
  #drawn = 0;
  #waiting: NodeJS.Timeout | undefined;

  /** @param frame a heading, the rows, and last one cell that stands by itself */
  constructor(terminal: Terminal, frame: () => string[][]) {
    this.#terminal = terminal;
    this.#frame = frame;
    this.#tick = setInterval(() => this.#draw(), TICK);
    this.#draw();
  }

  /** Draws, soon. */
  changed(): void {
    this.#waiting ??= setTimeout(() => this.#draw(), PACE);
  }

  /** Takes the rows away, until the next picture. */
  hide(): void {
    this.#terminal.write(`${up(this.#drawn)}${ERASE}`);
    this.#drawn = 0;
  }

  end(): void {
    clearInterval(this.#tick);
    clearTimeout(this.#waiting);
    this.hide();
  }

  #draw(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    const { columns = 80 } = this.#terminal;
    const lines = this.#fitting().map((line) => printable(line).slice(0, columns - 1));
    this.#terminal.write(`${up(this.#drawn)}${ERASE}${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  /** A picture higher than the terminal could not be drawn over: its last rows are only counted. */
  #fitting(): string[] {
    const { rows = 24 } = this.#terminal;
    const frame = this.#frame();
    const [last = ''] = frame.at(-1) ?? [];
    const lines = table(frame.slice(0, -1));
    const room = Math.max(rows - 2, 2);
    if (lines.length + 1 <= room) return [...lines, last];
    return [...lines.slice(0, room - 1), `(${lines.length - room + 1} more slots)  ${last}`];
  }
}
