import { EMPTY_ROOT, type Hashes, nodeHash } from './merkle.ts';

/**
 * The right edge of a growing tree: the hashes of its largest complete subtrees, from the left.
 * It is all that a writer needs to append, and never more than one hash for each bit of the size.
 */
export class Frontier {
  #size: number;
  #peaks: Uint8Array[];

  /** An empty tree; or the tree of `size` leaves, its edge read from stored subtree hashes. */
  constructor(size = 0, hashes?: Hashes) {
    this.#size = size;
    this.#peaks = peaks(size).map(({ level, index }) => {
      if (hashes === undefined) throw new TypeError('a tree with leaves needs their hashes');
      return hashes(level, index);
    });
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Appends one leaf.
   * @returns the hashes of the complete subtrees that end with this leaf, level 0 (the leaf) first
   */
  append(leafHash: Uint8Array): readonly Uint8Array[] {
    const completed = [leafHash];
    let running = leafHash;
    for (let index = this.#size; index % 2 === 1; index = Math.floor(index / 2)) {
      running = nodeHash(this.#peaks.pop() ?? EMPTY_ROOT, running);
      completed.push(running);
    }
    this.#peaks.push(running);
    this.#size += 1;
    return completed;
  }

  root(): Uint8Array {
    return this.#peaks.length === 0
      ? EMPTY_ROOT
      : this.#peaks.reduceRight((right, left) => nodeHash(left, right));
  }

  /** An independent copy, to append to what may yet fail to commit. */
  copy(): Frontier {
    const copy = new Frontier();
    copy.#size = this.#size;
    copy.#peaks = [...this.#peaks];
    return copy;
  }
}

/** The largest complete subtrees of a tree of `size` leaves, from the left: one for each bit of the size. */
export function peaks(size: number): { readonly level: number; readonly index: number }[] {
  const found: { level: number; index: number }[] = [];
  for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) found.unshift({ level, index: rest - 1 });
  }
  return found;
}
