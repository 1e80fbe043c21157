import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, judge } from './judge.ts';

/** An element of DER; `head` its tag and what says its length, where that is not the shortest. */
function element(tag: number, content: Uint8Array, head?: readonly number[]): Buffer {
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head ?? [tag, ...(length < 0x80 ? [length] : long)]), content]);
}

const sequence = (...elements: readonly Uint8Array[]) => element(0x30, Buffer.concat(elements));

/** A P-256 key of 64 zero bytes (RFC 5480 §2). */
const KEY = Buffer.concat([
  Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
  Buffer.alloc(64),
]);

/** What stands before the key: version to subject (RFC 5280 §4.1). */
const before = [0xa0, 0x02, 0x30, 0x30, 0x30, 0x30].map((tag) => element(tag, new Uint8Array()));

const tbs = sequence(...before, KEY);
const certificate = (...behind: readonly Uint8Array[]) => sequence(tbs, ...behind);

/** What is no certificate of the key, and why. */
const refused: Readonly<Record<string, Uint8Array>> = {
  'it is a set': element(0x31, tbs),
  'its first element is a set': sequence(element(0x31, Buffer.concat([...before, KEY]))),
  'something stands behind it': Buffer.concat([certificate(), Buffer.alloc(1)]),
  'an element is missing before the key': sequence(sequence(...before.slice(1), KEY)),
  'an element before the key is another': sequence(
    sequence(element(0x31, new Uint8Array()), ...before.slice(1), KEY),
  ),
  'it is another kind of key': sequence(sequence(...before, Buffer.from(KEY).fill(0x2b, 6, 7))),
  'it is another key': sequence(sequence(...before, Buffer.from(KEY).fill(1, 90))),
  'the key is longer': sequence(
    sequence(...before, element(0x30, Buffer.concat([KEY.subarray(2), Buffer.alloc(1)]))),
  ),
  'the key is an empty element': sequence(sequence(...before, sequence())),
  'the key stands outside': sequence(sequence(...before), KEY),
  'a length has two bytes where one says it': element(0x30, tbs, [0x30, 0x81, tbs.length]),
  'a length has three bytes where two say it': element(0x30, Buffer.concat([tbs, Buffer.alloc(30)]), [
    0x30,
    0x82,
    0,
    tbs.length + 30,
  ]),
  'a length is not definite': element(
    0x30,
    Buffer.concat([tbs, Buffer.alloc(0x80 - tbs.length)]),
    [0x30, 0x80],
  ),
  'a length is longer still': element(
    0x30,
    Buffer.concat([tbs, Buffer.alloc(0x83 - tbs.length)]),
    [0x30, 0x83],
  ),
  'the first element is longer than what holds it': sequence(
    element(0x30, tbs.subarray(2), [0x30, tbs.length]),
  ),
};

test('a certificate is found to be of a key, or not, without a look past its end (section 5.7)', () => {
  const whole = [0, 30, 200, 400].map((length) => certificate(Buffer.alloc(length)));
  const cut = Array.from({ length: tbs.length + 1 }, (_, length) => certificate().subarray(0, length));
  const heads = ['30', '3081', '3082', '308201', '3083'].map((text) => Buffer.from(text, 'hex'));
  const inside = heads.map((head) => sequence(sequence(...before, head)));
  const ask = (texts: readonly Uint8Array[]) => judge(texts.map((text) => ['is', 'd', hex(text)]));
  assert.deepEqual(
    ask(whole),
    whole.map(() => 'taken'),
  );
  for (const texts of [cut, heads, inside]) assert.deepEqual(new Set(ask(texts)), new Set(['refused']));
  const rules = Object.keys(refused);
  const got = ask(Object.values(refused));
  assert.deepEqual(
    rules.map((rule, at) => [rule, got[at]]),
    rules.map((rule) => [rule, 'refused']),
  );
});
