/**
 * Every way in which a module refuses: the numbers of `+CME ERROR` (3GPP TS 27.007 §9.2 leaves these to
 * the maker), each with what it means.
 */
export const cmeErrors = {
  901: 'the message is malformed, or meant for another audience or issuer',
  902: 'the signature does not hold',
  903: 'the message is for another module or device key',
  904: 'no challenge is live, or the token answers another one',
  905: 'the message is signed with a key that the module does not know',
  906: 'the token has expired',
  907: 'the token grants another scope, or more seconds, than was asked for',
  908: 'one challenge, and one csr, every 2 seconds',
  909: 'the module is already provisioned',
  910: 'the key manifest is not newer than the one held',
  911: 'the module is not provisioned',
  912: 'the data has a gap',
  913: 'the service failed to start',
  914: 'the module could not store what it must remember',
  915: 'the password version is not above the one in force',
} as const;

export type Cme = keyof typeof cmeErrors;

/** True for a number that this module's firmware could have said. */
export function isCme(code: number): code is Cme {
  return Object.hasOwn(cmeErrors, code);
}
