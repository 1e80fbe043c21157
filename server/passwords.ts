import type { Services } from './context.ts';

/** Crockford's base32: no I, L, O, U to misread. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CRYPT = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Rounds of SHA-512 crypt, the fewest that it takes. More rounds slow the guessing of passwords that
 * people choose; against 120 random bits nobody guesses, and the module's small processor is spared.
 */
export const ROUNDS = 1000;

/** A password as it is shown to a person, and the hash that the module gets. */
export interface Password {
  readonly password: string;
  /** SHA-512 crypt: `$6$rounds=1000$<salt>$…`. */
  readonly hash: string;
}

/** 24 characters of Crockford base32 in six groups of four: 120 random bits, derived from nothing. */
export async function makePassword({ random, crypt }: Pick<Services, 'random' | 'crypt'>): Promise<Password> {
  const password = pick(CROCKFORD, random(24)).replace(/(.{4})(?!$)/g, '$1-');
  const salt = pick(CRYPT, random(16));
  return { password, hash: await crypt(password, salt, ROUNDS) };
}

/** SHA-512 crypt, on whichever thread it has: see hashing/. */
export type Crypt = (password: string, salt: string, rounds: number) => Promise<string>;

/** Both alphabets' lengths are powers of two, so every character is equally likely. */
function pick(alphabet: string, bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}

type Sealing = Pick<Services, 'sealer'>;

/** A row moved to another module or version does not open again. */
export function sealPassword({ sealer }: Sealing, hwid: string, ver: number, password: string): Uint8Array {
  return sealer.seal(Buffer.from(password), { purpose: 'password', subject: hwid, version: ver });
}

/** @throws where the row was not sealed for this module and version */
export function openPassword({ sealer }: Sealing, hwid: string, ver: number, sealed: Uint8Array): string {
  return Buffer.from(sealer.open(sealed, { purpose: 'password', subject: hwid, version: ver })).toString();
}
