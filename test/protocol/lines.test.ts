import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joined, readLines } from '../../protocol/lines.ts';

async function* pieces(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function read(parts: string[], most = 10): Promise<[number, string | undefined][]> {
  const found: [number, string | undefined][] = [];
  for await (const { number, bytes } of readLines(pieces(...parts), most)) {
    found.push([number, bytes && Buffer.from(bytes).toString()]);
  }
  return found;
}

test('lines are the same however the pieces fall', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', ' ', 'é'), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(40), { maxLength: 5 }), async (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
        (a, b) => a - b,
      );
      async function* cut(): AsyncGenerator<Uint8Array> {
        for (const [at, from] of places.entries()) yield bytes.subarray(from, places[at + 1] ?? bytes.length);
      }
      const found: [number, string | undefined][] = [];
      for await (const one of readLines(cut(), 10)) {
        found.push([one.number, one.bytes && Buffer.from(one.bytes).toString()]);
      }
      assert.deepEqual(found, await read([whole]));
    }),
  );
});

test('a line that is too long is known by its number alone, and those after it go on', async () => {
  assert.deepEqual(await read(['one\n', 'x'.repeat(6), 'x'.repeat(5), '\nthree']), [
    [1, 'one'],
    [2, undefined],
    [3, 'three'],
  ]);
  assert.deepEqual(await read([`${'x'.repeat(10)}\n`]), [[1, 'x'.repeat(10)]]);
});

test('blank lines are counted and left out; the last line needs no end', async () => {
  assert.deepEqual(await read(['\n  \r\none\n\ntwo']), [
    [3, 'one'],
    [5, 'two'],
  ]);
});

test('what comes in one turn is joined, whole and in order, and nothing waits for what has not come', async () => {
  let give = () => {};
  const wanted = new Promise<void>((resolve) => {
    give = resolve;
  });
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces('a\n', 'b\n', 'c\n');
    await wanted;
    yield* pieces('d\n', 'x'.repeat(20_000), 'e\n');
  }
  const found: string[] = [];
  for await (const piece of joined(source())) {
    found.push(Buffer.from(piece).toString());
    give();
  }
  assert.equal(found[0], 'a\nb\nc\n');
  assert.equal(found.join(''), `a\nb\nc\nd\n${'x'.repeat(20_000)}e\n`);
  assert.ok(found.length <= 4, 'fewer pieces than came');
});

test('joined: a fault of the source is whoever reads it’s, after what came before it', async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces('a\n');
    throw new Error('cut');
  }
  const found: string[] = [];
  await assert.rejects(async () => {
    for await (const piece of joined(source())) found.push(Buffer.from(piece).toString());
  }, /cut/);
  assert.deepEqual(found, ['a\n']);
});
