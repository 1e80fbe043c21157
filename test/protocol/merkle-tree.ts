import { Frontier } from '../../protocol/frontier.ts';
import { EMPTY_ROOT, type Hashes } from '../../protocol/merkle.ts';

/** A whole tree in memory, to make proofs from. */
export interface Tree {
  readonly leafHashes: readonly Uint8Array[];
  readonly hashes: Hashes;
  root(size: number): Uint8Array;
}

export function growTree(leafHashes: readonly Uint8Array[]): Tree {
  const levels: Uint8Array[][] = [];
  const roots = [EMPTY_ROOT];
  const frontier = new Frontier();
  for (const leaf of leafHashes) {
    for (const [level, hash] of frontier.append(leaf).entries()) {
      levels[level] ??= [];
      levels[level].push(hash);
    }
    roots.push(frontier.root());
  }
  return {
    leafHashes,
    hashes(level, index) {
      const hash = levels[level]?.[index];
      if (hash === undefined) throw new RangeError(`no complete subtree ${level}/${index}`);
      return hash;
    },
    root: (size) => roots[size] ?? EMPTY_ROOT,
  };
}

/**
 * The ways in which transparency-dev/merkle's probes spoil a proof: a bit flipped in a hash, a hash
 * removed, added in front, behind or inside, hashes swapped; and a hash cut short or made longer.
 */
export function* changes(
  proof: readonly Uint8Array[],
  where: number,
  roots: readonly Uint8Array[],
): Generator<Uint8Array[]> {
  const garbage = [new Uint8Array(32), new Uint8Array(), Buffer.from('garbage'), ...roots];
  for (const extra of garbage) {
    yield [extra, ...proof];
    yield [...proof, extra];
  }
  const [first] = proof;
  if (first === undefined) return;
  const at = where % proof.length;
  const hash = proof[at] ?? first;
  const bit = Uint8Array.from(hash);
  bit[where % 32] = (bit[where % 32] ?? 0) ^ (1 << (where % 8));
  yield [];
  yield proof.with(at, bit);
  yield proof.with(at, hash.subarray(1));
  yield proof.with(at, Buffer.concat([hash, hash]));
  yield proof.toSpliced(at, 1);
  yield proof.toSpliced(at, 0, hash);
  if (proof.length > 1) yield proof.toReversed();
}
