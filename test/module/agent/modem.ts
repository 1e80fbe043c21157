import { openPty } from '../../../module/simulator/pty.ts';

/** One end of a serial line whose other end a program opens by its path: what is written there and heard. */
export class LineEnd {
  /** For the program at the other end. */
  path = '';
  /** All that was heard and not yet taken. */
  heard = '';
  #write: (bytes: Uint8Array) => number = () => 0;
  #close: () => Promise<void> = async () => {};
  #wake: () => void = () => {};
  #take: (text: string) => void = () => {};

  static async open(): Promise<LineEnd> {
    const end = new LineEnd();
    const { path, write, close } = await openPty(async (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      end.heard += text;
      end.#take(text);
      end.#wake();
    });
    end.path = path;
    end.#write = write;
    end.#close = close;
    return end;
  }

  /** Calls `take` with whatever comes. */
  listen(take: (text: string) => void): void {
    this.#take = take;
  }

  write(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    if (this.#write(bytes) !== bytes.length) throw new Error('the line is full');
  }

  /** Takes what is heard up to the end of `pattern`, as soon as that is there. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.heard);
      if (found !== null) {
        const end = found.index + found[0].length;
        const taken = this.heard.slice(0, end);
        this.heard = this.heard.slice(end);
        return taken;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/**
 * An AT processor as modems are: CR alone ends its lines, backspace edits them, all other control characters it
 * drops (V.250 §5.2.1, §5.2.2), and it does whatever it is told.
 */
export class Modem {
  /** The lines that it acted on. */
  readonly lines: string[] = [];
  /** What it says to a line; OK unless told otherwise. */
  answer: (line: string) => string = () => '\r\nOK\r\n';
  readonly end: LineEnd;
  #line = '';

  constructor(end: LineEnd) {
    this.end = end;
    end.listen((text) => {
      for (const character of text) this.#read(character);
    });
  }

  #read(character: string): void {
    if (character === '\b') this.#line = this.#line.slice(0, -1);
    else if (character >= ' ') this.#line += character;
    else if (character === '\r') {
      const line = this.#line;
      this.#line = '';
      this.lines.push(line);
      this.end.write(this.answer(line));
    }
  }
}
