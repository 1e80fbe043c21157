import { type Cme, cmeErrors } from '../../protocol/cme.ts';

/** What a command ends with when the module refuses it: `+CME ERROR: code`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: Cme;

  constructor(code: Cme, cause?: unknown) {
    super(cmeErrors[code], { cause });
    this.code = code;
  }
}
