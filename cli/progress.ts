import { formatDuration } from './duration.ts';
import type { Streams } from './output.ts';

/** Milliseconds between two pictures. */
const PACE = 250;
const WIDTH = 24;
const ERASE = '\r\x1b[K';

/** How far a long work is: what share of it, where that is known, and the things done so far. */
export interface Stand {
  /** From 0 to 1. */
  readonly share: number | undefined;
  readonly done: number;
  /** What is done, and what else there is to say of it: `lines, 3 refused`. */
  readonly of: string;
}

/** One line at the bottom of a terminal, written anew in its place; elsewhere nothing. */
export class Progress {
  readonly #terminal: Streams['stderr'] | undefined;
  readonly #stand: () => Stand;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Streams['stderr'] | undefined, stand: () => Stand) {
    this.#stand = stand;
    if (terminal?.isTTY !== true) return;
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#draw(), PACE);
    this.#draw();
  }

  /** Takes the line away until the next picture: something else is printed. */
  hide(): void {
    this.#terminal?.write(ERASE);
  }

  end(): void {
    clearInterval(this.#timer);
    this.hide();
  }

  #draw(): void {
    const seconds = (performance.now() - this.#began) / 1000;
    this.#terminal?.write(`${ERASE}${progressLine(this.#stand(), seconds)}`);
  }
}

/** `[######------------------]  25 %  250,000 lines, 3 refused, 812/s, 15 min left` */
export function progressLine({ share, done, of }: Stand, seconds: number): string {
  const parts = [`${done.toLocaleString('en')} ${of}`];
  if (seconds >= 1) parts.push(`${Math.round(done / seconds).toLocaleString('en')}/s`);
  if (share === undefined) return `· ${parts.join(', ')}`;
  // Of the first second nothing can be told.
  if (seconds >= 1 && share > 0) parts.push(`${formatDuration((seconds * (1 - share)) / share)} left`);
  const filled = Math.floor(share * WIDTH);
  const bar = '#'.repeat(filled).padEnd(WIDTH, '-');
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${parts.join(', ')}`;
}
