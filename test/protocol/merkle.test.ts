import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frontier, peaks } from '../../protocol/frontier.ts';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from '../../protocol/merkle.ts';
import { changes, growTree, type Tree } from './merkle-tree.ts';

const LARGEST = 300;
const leaves = Array.from({ length: LARGEST }, (_, index) => Buffer.from(`leaf ${index}`));
const tree = growTree(leaves.map(leafHash));

/** The eight leaves that every RFC 6962 implementation is tried with, and the roots of the trees they make. */
const knownLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const knownRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('the known roots of the trees of 0 to 8 known leaves (RFC 6962 §2.1)', () => {
  const frontier = new Frontier();
  assert.equal(Buffer.from(frontier.root()).toString('hex'), knownRoots[0]);
  for (const [index, leaf] of knownLeaves.entries()) {
    frontier.append(leafHash(Buffer.from(leaf, 'hex')));
    assert.equal(Buffer.from(frontier.root()).toString('hex'), knownRoots[index + 1]);
  }
});

test('frontier, stored hashes and the definition agree on the root of every size (RFC 6962 §2.1)', () => {
  const frontier = new Frontier();
  for (let size = 0; size <= LARGEST; size += 1) {
    const root = definition(tree.leafHashes.slice(0, size));
    assert.deepEqual(Buffer.from(frontier.root()), Buffer.from(root));
    assert.deepEqual(Buffer.from(rootHash(size, tree.hashes)), Buffer.from(root));
    assert.deepEqual(Buffer.from(new Frontier(size, tree.hashes).root()), Buffer.from(root));
    frontier.append(tree.leafHashes[size] ?? EMPTY_ROOT);
  }
});

test('a frontier’s copy grows apart from it', () => {
  const frontier = new Frontier(7, tree.hashes);
  const copy = frontier.copy();
  copy.append(EMPTY_ROOT);
  assert.equal(frontier.size, 7);
  assert.deepEqual(frontier.root(), rootHash(7, tree.hashes));
});

test('a tree has one peak for each bit of its size, from the left', () => {
  assert.deepEqual(peaks(0), []);
  assert.deepEqual(peaks(0b1011), [
    { level: 3, index: 0 },
    { level: 1, index: 4 },
    { level: 0, index: 10 },
  ]);
});

test(`every inclusion proof of every tree up to ${LARGEST} leaves holds (RFC 9162 §2.1.3)`, () => {
  for (let size = 1; size <= LARGEST; size += 1) {
    const root = tree.root(size);
    for (let index = 0; index < size; index += 1) {
      const proof = inclusionProof(index, size, tree.hashes);
      const leaf = tree.leafHashes[index] ?? EMPTY_ROOT;
      assert.ok(verifyInclusion({ leafHash: leaf, index, size, proof, root }), `leaf ${index} of ${size}`);
    }
  }
});

test(`every consistency proof between trees up to ${LARGEST} leaves holds (RFC 9162 §2.1.4)`, () => {
  for (let newSize = 1; newSize <= LARGEST; newSize += 1) {
    const newRoot = tree.root(newSize);
    for (let oldSize = 1; oldSize <= newSize; oldSize += 1) {
      const proof = consistencyProof(oldSize, newSize, tree.hashes);
      const oldRoot = tree.root(oldSize);
      assert.ok(verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }), `${oldSize} to ${newSize}`);
    }
  }
});

test('an inclusion proof with anything changed is refused (RFC 9162 §2.1.3.2)', () => {
  fc.assert(
    fc.property(sizes(), fc.nat(), fc.nat(), (size, leaf, where) => {
      const index = leaf % size;
      const good = {
        leafHash: tree.leafHashes[index] ?? EMPTY_ROOT,
        index,
        size,
        proof: inclusionProof(index, size, tree.hashes),
        root: tree.root(size),
      };
      assert.ok(verifyInclusion(good));
      for (const proof of changes(good.proof, where, [good.root, good.leafHash])) {
        assert.ok(!verifyInclusion({ ...good, proof }));
      }
      assert.ok(!verifyInclusion({ ...good, root: flipped(good.root, where) }));
      assert.ok(!verifyInclusion({ ...good, leafHash: flipped(good.leafHash, where) }));
      for (const other of [index - 1, index + 1, index ^ 2, size, -1, 0.5, Number.NaN, 2 ** 64]) {
        assert.ok(!verifyInclusion({ ...good, index: other }), `index ${other} for ${index} of ${size}`);
      }
      for (const other of [0, index, size * 2, -size, 0.5, 2 ** 64]) {
        assert.ok(!verifyInclusion({ ...good, size: other }), `size ${other} for ${size}`);
      }
    }),
  );
});

test('a consistency proof with anything changed is refused (RFC 9162 §2.1.4.2)', () => {
  fc.assert(
    fc.property(sizes(), fc.nat(), fc.nat(), (newSize, old, where) => {
      const oldSize = 1 + (old % newSize);
      const good = {
        oldSize,
        oldRoot: tree.root(oldSize),
        newSize,
        newRoot: tree.root(newSize),
        proof: consistencyProof(oldSize, newSize, tree.hashes),
      };
      assert.ok(verifyConsistency(good));
      for (const proof of changes(good.proof, where, [good.oldRoot, good.newRoot])) {
        assert.ok(!verifyConsistency({ ...good, proof }));
      }
      assert.ok(!verifyConsistency({ ...good, oldRoot: flipped(good.oldRoot, where) }));
      assert.ok(!verifyConsistency({ ...good, newRoot: flipped(good.newRoot, where) }));
      for (const other of [0, newSize + 1, -1, 0.5, Number.NaN, 2 ** 64]) {
        assert.ok(!verifyConsistency({ ...good, oldSize: other }), `old size ${other} for ${oldSize}`);
      }
      for (const other of [0, oldSize - 1, newSize * 2, 0.5, 2 ** 64]) {
        assert.ok(!verifyConsistency({ ...good, newSize: other }), `new size ${other} for ${newSize}`);
      }
    }),
  );
});

test('an over-long proof does not pass for one of a smaller tree under the same root', () => {
  const leaf = tree.leafHashes[7] ?? EMPTY_ROOT;
  const path = { leafHash: leaf, proof: inclusionProof(7, 8, tree.hashes), root: tree.root(8) };
  assert.ok(verifyInclusion({ ...path, index: 7, size: 8 }));
  for (const size of [1, 2, 4]) assert.ok(!verifyInclusion({ ...path, index: size - 1, size }));
  const growth = { oldRoot: tree.root(7), newRoot: tree.root(8), proof: consistencyProof(7, 8, tree.hashes) };
  assert.ok(verifyConsistency({ ...growth, oldSize: 7, newSize: 8 }));
  assert.ok(!verifyConsistency({ ...growth, oldSize: 3, newSize: 4 }));
});

test('hashes cut at another byte do not pass, though their concatenation is the same', () => {
  const cut = (left: Uint8Array, right: Uint8Array) => [
    Buffer.concat([left, right.subarray(0, 1)]),
    right.subarray(1),
  ];
  const [leaf, sibling] = cut(tree.leafHashes[0] ?? EMPTY_ROOT, tree.leafHashes[1] ?? EMPTY_ROOT);
  const path = { index: 0, size: 2, root: tree.root(2) };
  assert.ok(leaf && sibling && !verifyInclusion({ ...path, leafHash: leaf, proof: [sibling] }));
  const growth = { oldRoot: tree.root(2), newRoot: tree.root(3), oldSize: 2, newSize: 3 };
  const [oldRoot, added] = cut(growth.oldRoot, tree.leafHashes[2] ?? EMPTY_ROOT);
  assert.ok(oldRoot && added && !verifyConsistency({ ...growth, oldRoot, proof: [added] }));
});

test('nothing is proved from an empty tree, nor of a leaf that is not there', () => {
  const empty = { oldSize: 0, oldRoot: EMPTY_ROOT, proof: [] };
  assert.ok(!verifyConsistency({ ...empty, newSize: 0, newRoot: EMPTY_ROOT }));
  assert.ok(!verifyConsistency({ ...empty, newSize: 1, newRoot: tree.root(1) }));
  assert.throws(() => consistencyProof(0, 1, tree.hashes), RangeError);
  assert.throws(() => consistencyProof(3, 2, tree.hashes), RangeError);
  assert.throws(() => inclusionProof(2, 2, tree.hashes), RangeError);
  assert.throws(() => inclusionProof(-1, 2, tree.hashes), RangeError);
});

test('sizes beyond 32 bits neither hang nor wrap round', () => {
  const size = 2 ** 40 + 1;
  const same: Tree['hashes'] = (level) => Buffer.alloc(32, level);
  const leaf = Buffer.alloc(32);
  const proof = inclusionProof(2 ** 33 + 5, size, same);
  assert.ok(verifyInclusion({ leafHash: leaf, index: 2 ** 33 + 5, size, proof, root: foldedRoot() }));
  assert.ok(
    !verifyInclusion({ leafHash: leaf, index: 2 ** 33 + 5, size: 2 ** 52, proof, root: foldedRoot() }),
  );

  function foldedRoot() {
    // The path of a leaf whose siblings are the stored ones, folded by the bits of the index alone.
    let [running, index] = [leaf as Uint8Array, 2 ** 33 + 5];
    for (let level = 0; level < 40; level += 1, index = Math.floor(index / 2)) {
      const sibling = same(level, 0);
      running = index % 2 === 1 ? nodeHash(sibling, running) : nodeHash(running, sibling);
    }
    return nodeHash(running, same(0, 0));
  }
});

/** MTH as RFC 6962 §2.1 writes it. */
function definition(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes;
  if (first === undefined) return EMPTY_ROOT;
  if (hashes.length === 1) return first;
  const k = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return nodeHash(definition(hashes.slice(0, k)), definition(hashes.slice(k)));
}

function sizes() {
  return fc.integer({ min: 1, max: LARGEST });
}

function flipped(hash: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(hash);
  const at = Math.floor(bit / 8) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
