import { readFileSync } from 'node:fs';

/** Neither the library of ECMAScript nor Node's types have it, only that of browsers. */
declare const WebAssembly: {
  readonly Module: new (program: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What assembly/sha512crypt.ts exports; the places are byte offsets in its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly password: { readonly value: number };
  readonly salt: { readonly value: number };
  readonly digest: { readonly value: number };
  crypt(passwordBytes: number, saltBytes: number, rounds: number): void;
}

const program = new WebAssembly.Module(readFileSync(new URL('sha512crypt.wasm', import.meta.url)));
const wasm = new WebAssembly.Instance(program).exports as Exports;
/** All that the program ever writes to. */
export const memory = Buffer.from(wasm.memory.buffer);

/** Bytes that it has room for. */
const MOST_PASSWORD = 128;

/**
 * SHA-512 crypt as crypt(3) makes it, on the thread that calls; the password is wiped from the program's memory.
 * @param salt 1 to 16 characters of `./0-9A-Za-z`
 * @param rounds 1000 to 999999999
 * @returns `$6$rounds=<rounds>$<salt>$<hash>`
 * @throws RangeError where a password has more than 128 bytes, or another argument is not like that
 */
export function sha512crypt(password: string, salt: string, rounds: number): string {
  const bytes = Buffer.byteLength(password);
  if (bytes > MOST_PASSWORD) throw new RangeError(`a password of ${bytes} bytes, more than ${MOST_PASSWORD}`);
  if (!/^[./0-9A-Za-z]{1,16}$/.test(salt)) throw new RangeError('not a salt of SHA-512 crypt');
  if (!Number.isInteger(rounds) || rounds < 1000 || rounds > 999_999_999)
    throw new RangeError(`${rounds} rounds, which SHA-512 crypt does not have`);
  memory.write(password, wasm.password.value);
  memory.write(salt, wasm.salt.value);
  wasm.crypt(bytes, salt.length, rounds);
  return `$6$rounds=${rounds}$${salt}$${text(memory.subarray(wasm.digest.value, wasm.digest.value + 64))}`;
}

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Step 22: bytes 0, 21 and 42, then those behind them, whose order turns; each three are four characters, low bits first. */
function text(digest: Uint8Array): string {
  let made = '';
  const add = (places: readonly number[], characters: number) => {
    let bits = places.reduce((all, place) => (all << 8) | (digest[place] ?? 0), 0);
    for (let left = characters; left > 0; left -= 1, bits >>= 6) made += ALPHABET[bits & 63];
  };
  for (let at = 0; at < 21; at += 1) {
    const three = [at, at + 21, at + 42];
    add([...three.slice(at % 3), ...three.slice(0, at % 3)], 4);
  }
  add([63], 2);
  return made;
}
