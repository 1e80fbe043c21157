import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { leafHash, rootHash } from '../../protocol/merkle.ts';
import {
  decodeEntries,
  encodeEntries,
  entryBundles,
  formatTilePath,
  hashesFromTiles,
  hashTiles,
  parseTilePath,
  type Tile,
  tileWidth,
} from '../../protocol/tiles.ts';
import { growTree } from './merkle-tree.ts';

test('tile paths are those of C2SP tlog-tiles', () => {
  const paths: [string, Tile][] = [
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/0/999.p/1', { level: 0, index: 999, width: 1 }],
    ['tile/3/x001/000', { level: 3, index: 1000, width: 256 }],
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/63/x001/x234/067.p/255', { level: 63, index: 1_234_067, width: 255 }],
    ['tile/entries/x001/x234/067.p/8', { level: 'entries', index: 1_234_067, width: 8 }],
  ];
  for (const [path, tile] of paths) {
    assert.equal(formatTilePath(tile), path);
    assert.deepEqual(parseTilePath(path), tile);
  }
});

test('any other spelling of a tile path is refused', () => {
  const refused = [
    '',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/data/000',
    'tile/0/x000/001',
    'tile/0/x000/x000/001',
    'tile/0/001/001',
    'tile/0/x001',
    'tile/0/X001/001',
    'tile/0/000.p/0',
    'tile/0/000.p/00',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/257',
    'tile/0/000.p/',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/000\n',
    'tile/0/%30%30%30',
    'tile/0/../000',
    'tile/8/0/000',
    `tile/0/${'x999/'.repeat(5)}999`,
    `tile/0/${'x001/'.repeat(900)}999`,
  ];
  for (const path of refused) assert.equal(parseTilePath(path), undefined, path);
});

test('every tile’s path parses back to it', () => {
  const tiles = fc.record({
    level: fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
    index: fc.nat({ max: 2 ** 31 - 1 }),
    width: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(fc.property(tiles, (tile) => assert.deepEqual(parseTilePath(formatTilePath(tile)), { ...tile })));
});

test('the tiles of trees of 70,000 and of 256 leaves are those of C2SP tlog-tiles', () => {
  const tiles = [...hashTiles(70_000)];
  assert.equal(tiles.filter(({ level, width }) => level === 0 && width === 256).length, 273);
  assert.deepEqual(
    tiles.filter(({ level, width }) => level !== 0 || width < 256),
    [
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 0, width: 256 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ],
  );
  assert.deepEqual([...hashTiles(256)].map(formatTilePath), ['tile/0/000', 'tile/1/000.p/1']);
  assert.deepEqual([...entryBundles(257)].map(formatTilePath), ['tile/entries/000', 'tile/entries/001.p/1']);
  assert.deepEqual([...hashTiles(0)], []);
});

test('a tile beyond the tree has no width', () => {
  assert.equal(tileWidth(256, 0, 0), 256);
  assert.equal(tileWidth(256, 0, 1), 0);
  assert.equal(tileWidth(255, 1, 0), 0);
  assert.equal(tileWidth(257, 'entries', 1), 1);
  assert.equal(tileWidth(1000, 63, 0), 0);
});

test('roots and subtree hashes come out of tiles as out of leaves', () => {
  const size = 66_000;
  const tree = growTree(Array.from({ length: size }, (_, index) => leafHash(Buffer.from(String(index)))));
  const tiles = new Map<string, Uint8Array>();
  for (const { level, index, width } of hashTiles(size)) {
    assert.notEqual(level, 'entries');
    const hashes = Array.from({ length: width }, (_, at) => tree.hashes(Number(level) * 8, index * 256 + at));
    tiles.set(`${level}/${index}`, Buffer.concat(hashes));
  }
  const hashes = hashesFromTiles((level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array());
  for (const some of [1, 255, 256, 257, 65_535, 65_536, size]) {
    assert.deepEqual(Buffer.from(rootHash(some, hashes)), Buffer.from(tree.root(some)));
  }
  assert.throws(() => hashes(0, size), RangeError);
});

test('an entry bundle is its entries behind big-endian lengths of 16 bits', () => {
  const bundle = encodeEntries([Buffer.from('ab'), Buffer.alloc(0), Buffer.alloc(258, 1)]);
  assert.deepEqual([...bundle.subarray(0, 8)], [0, 2, 0x61, 0x62, 0, 0, 1, 2]);
  assert.deepEqual(
    decodeEntries(bundle)?.map((entry) => entry.length),
    [2, 0, 258],
  );
  assert.throws(() => encodeEntries([Buffer.alloc(65_536)]), RangeError);
});

test('a bundle that is cut anywhere inside an entry, or holds too many, is refused', () => {
  const bundle = encodeEntries([Buffer.from('abc'), Buffer.from('de')]);
  const whole = [0, 5, bundle.length];
  for (let cut = 0; cut <= bundle.length; cut += 1) {
    assert.equal(decodeEntries(bundle.subarray(0, cut)) !== undefined, whole.includes(cut), `cut at ${cut}`);
  }
  assert.equal(decodeEntries(Buffer.alloc(2 * 256))?.length, 256);
  assert.equal(decodeEntries(Buffer.alloc(2 * 257)), undefined);
});
