import { Output } from '../output.ts';

/** What shared code has to say, where rows or records of several modules are shown: warnings only, in their place. */
export class Quiet extends Output {
  readonly #warn: (line: string) => void;

  constructor(out: Output, warn: (line: string) => void) {
    super(out.streams, out.json);
    this.#warn = warn;
  }

  override progress(): void {}

  override warn(line: string): void {
    this.#warn(line);
  }
}
