import { hash } from 'node:crypto';

/** The Merkle tree of RFC 6962 §2.1 (the same in RFC 9162 §2.1), over SHA-256. */

export const HASH_BYTES = 32;

/** The root of a tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array());

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export function leafHash(leaf: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([LEAF, leaf]));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([NODE, left, right]));
}

/**
 * The hash of the complete subtree over leaves [index·2^level, (index+1)·2^level).
 * Asked only for subtrees that are complete; throws where it does not have one.
 */
export type Hashes = (level: number, index: number) => Uint8Array;

/** Root of the tree of the first `size` leaves. */
export function rootHash(size: number, hashes: Hashes): Uint8Array {
  return size === 0 ? EMPTY_ROOT : rangeHash(0, size, hashes);
}

/**
 * PATH(index, D[size]) of RFC 6962 §2.1.1, from the leaf upwards.
 * @throws RangeError where the tree has no such leaf
 */
export function inclusionProof(index: number, size: number, hashes: Hashes): Uint8Array[] {
  if (!isCount(index) || !isCount(size) || index >= size) {
    throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  }
  const proof: Uint8Array[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      proof.push(rangeHash(middle, end, hashes));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, hashes));
      start = middle;
    }
  }
  return proof.reverse();
}

/**
 * PROOF(oldSize, D[newSize]) of RFC 6962 §2.1.2; empty where the sizes are equal.
 * @throws RangeError unless 0 < oldSize ≤ newSize
 */
export function consistencyProof(oldSize: number, newSize: number, hashes: Hashes): Uint8Array[] {
  if (!isCount(oldSize) || !isCount(newSize) || oldSize < 1 || oldSize > newSize) {
    throw new RangeError(`no consistency proof from ${oldSize} to ${newSize}`);
  }
  const proof: Uint8Array[] = [];
  let [start, end] = [0, newSize];
  while (end !== oldSize) {
    const middle = start + split(end - start);
    if (oldSize <= middle) {
      proof.push(rangeHash(middle, end, hashes));
      end = middle;
    } else {
      proof.push(rangeHash(start, middle, hashes));
      start = middle;
    }
  }
  // A whole old tree is the verifier's own root and is left out (the RFC's flag b).
  if (start > 0) proof.push(rangeHash(start, end, hashes));
  return proof.reverse();
}

export interface Inclusion {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** RFC 9162 §2.1.3.2. False for whatever does not prove it, malformed and over-long proofs included. */
export function verifyInclusion({ leafHash, index, size, proof, root }: Inclusion): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (leafHash.length !== HASH_BYTES || !proof.every(isHash)) return false;
  let [node, last, running] = [index, size - 1, leafHash];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      running = nodeHash(sibling, running);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      running = nodeHash(running, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(running, root);
}

export interface Consistency {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * RFC 9162 §2.1.4.2. False for whatever does not prove it, and for an old tree without leaves,
 * from which nothing can be proved.
 */
export function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }: Consistency): boolean {
  if (!isCount(oldSize) || !isCount(newSize) || oldSize < 1 || oldSize > newSize) return false;
  if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot);
  if (oldRoot.length !== HASH_BYTES || !proof.every(isHash)) return false;
  const [first, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let [node, last] = [oldSize - 1, newSize - 1];
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  let [oldHash, newHash] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && same(oldHash, oldRoot) && same(newHash, newRoot);
}

/** MTH(D[start:end]) where start is a multiple of a power of two not below end − start. */
function rangeHash(start: number, end: number, hashes: Hashes): Uint8Array {
  const width = end - start;
  if (isPowerOfTwo(width)) return hashes(Math.log2(width), start / width);
  const middle = start + split(width);
  return nodeHash(rangeHash(start, middle, hashes), rangeHash(middle, end, hashes));
}

/** The largest power of two below `width`; sizes go beyond the 32 bits of JavaScript's bit operators. */
function split(width: number): number {
  let power = 1;
  while (power * 2 < width) power *= 2;
  return power;
}

function isPowerOfTwo(width: number): boolean {
  return split(width) * 2 === width || width === 1;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: Uint8Array): boolean {
  return value.length === HASH_BYTES;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
