/** What is wrong with a key: `place` is a KEK inside the data directory. */
export type KeyFaultCode =
  | 'missing'
  | 'permissions'
  | 'malformed'
  | 'mismatch'
  | 'expired'
  | 'place'
  | 'exists';

/** A key that cannot be used, why, and what to do next. Never holds key material. */
export class KeyFault extends Error {
  override readonly name = 'KeyFault';
  readonly code: KeyFaultCode;

  constructor(code: KeyFaultCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
