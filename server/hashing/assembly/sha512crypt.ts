/**
 * SHA-512 crypt, as its document lays it down in 22 steps (U. Drepper, “Unix crypt using SHA-256 and SHA-512”).
 * This folder is AssemblyScript, TypeScript's syntax with WebAssembly's own integers and memory; scripts/build.mjs
 * compiles it to dist/server/hashing/sha512crypt.wasm, which only ../sha512crypt.ts calls.
 */
import { append, DIGEST, forget, hash } from './sha512';

const MOST_PASSWORD: usize = 128;
const MOST_SALT: usize = 16;

/** Where the caller puts the two and finds the hash. append() may read seven bytes past the end. */
export const password: usize = memory.data(136);
export const salt: usize = memory.data(24);
export const digest: usize = memory.data(64);

/** The document's digest B, then DP, then DS. */
const other: usize = memory.data(64);
/** Its byte sequences P and S. */
const p: usize = memory.data(136);
const s: usize = memory.data(24);

/** Steps 1 to 21: the text of step 22 is the caller's. Leaves nothing but the digest in memory. */
export function crypt(passwordBytes: usize, saltBytes: usize, rounds: u32): void {
  if (passwordBytes > MOST_PASSWORD || saltBytes > MOST_SALT) unreachable();
  begin(passwordBytes, saltBytes);
  sequence(p, password, passwordBytes, passwordBytes);
  sequence(s, salt, saltBytes, 16 + <usize>load<u8>(digest));
  for (let round: u32 = 0; round < rounds; round += 1) {
    const odd = round % 2 !== 0;
    if (odd) append(p, passwordBytes);
    else append(digest, DIGEST);
    if (round % 3 !== 0) append(s, saltBytes);
    if (round % 7 !== 0) append(p, passwordBytes);
    if (odd) append(digest, DIGEST);
    else append(p, passwordBytes);
    hash(digest);
  }
  wipe();
}

/** Steps 1 to 12: digest A. */
function begin(passwordBytes: usize, saltBytes: usize): void {
  append(password, passwordBytes);
  append(salt, saltBytes);
  append(password, passwordBytes);
  hash(other);
  append(password, passwordBytes);
  append(salt, saltBytes);
  for (let at: usize = 0; at < passwordBytes; at += DIGEST) append(other, min(DIGEST, passwordBytes - at));
  for (let bits = passwordBytes; bits > 0; bits >>= 1) {
    if (bits % 2 !== 0) append(other, DIGEST);
    else append(password, passwordBytes);
  }
  hash(digest);
}

/** Steps 13 to 16, and 17 to 20: hashes a text so many times over, and fills a sequence of its length with that. */
function sequence(to: usize, text: usize, bytes: usize, times: usize): void {
  for (let time: usize = 0; time < times; time += 1) append(text, bytes);
  hash(other);
  for (let at: usize = 0; at < bytes; at += DIGEST) memory.copy(to + at, other, min(DIGEST, bytes - at));
}

function wipe(): void {
  forget();
  memory.fill(password, 0, MOST_PASSWORD);
  memory.fill(other, 0, DIGEST);
  memory.fill(p, 0, MOST_PASSWORD);
  memory.fill(s, 0, MOST_SALT);
}
