import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, judge } from './judge.ts';
import { bytesOf, fresh, full, HWID, hash, jti, long, sealed, short, uint } from './stored.ts';

/** Whether latchd takes each, and writes it back as it was. */
function taken(states: readonly Uint8Array[]): boolean[] {
  const answers = judge(states.map((state) => ['state', hex(state)]));
  return answers.map((answer, at) => {
    assert.ok(
      answer === 'refused' || answer === hex(states[at] ?? ''),
      'what is taken is written back as it was',
    );
    return answer !== 'refused';
  });
}

test('a stored state is taken whole, or refused without a look past its end', () => {
  const bytes = bytesOf(full);
  assert.deepEqual(taken([bytes, bytesOf(fresh)]), [true, true]);
  // Among the roots' thousand bytes one place is like another.
  const lengths = [...bytes.keys()].filter((length) => length < 64 || length % 32 === 0 || length > 1024);
  const cut = lengths.map((length) => bytes.subarray(0, length));
  assert.deepEqual(new Set(taken([...cut, Buffer.concat([bytes, Buffer.alloc(1)])])), new Set([false]));
});

for (const [rule, change] of [
  ['a flag that nobody has defined', { flags: uint(7, 1) }],
  ['a manifest over 8192', { manifest: long('A'.repeat(8193)) }],
  ['a manifest that has the room of none', { flags: uint(2, 1), manifest: uint(8193, 2) }],
  ['a hash over its room', { hash: short(`${hash}${'.'.repeat(40)}`) }],
  ['a text with a NUL in it', { last: short(`${jti.slice(0, -1)}\0`) }],
  ['a text that ends before its length', { last: short('\0') }],
  ['no hash of a password', { hash: short('') }],
  ['a hash of no password', { version: uint(0, 4) }],
  ['a hash that is none', { hash: short('x') }],
  ['a last token that is no jti', { last: short('x') }],
  ['a session that is no jti', { session: short('x') }],
  ['a scope that nobody knows', { scope: uint(4, 1) }],
  ['provisioned without a manifest', { manifest: long('') }],
  ['33 receipts', { count: uint(33, 1), receipts: Buffer.alloc(33 * 6) }],
  ['a receipt over 768', { count: uint(1, 1), receipts: Buffer.concat([uint(1, 4), long('A'.repeat(769))]) }],
] as const) {
  test(`a stored state is refused: ${rule}`, () => {
    assert.deepEqual(taken([bytesOf({ ...full, ...change })]), [false]);
  });
}

test('a seal opens on its own module alone, whole, and under the name of its format (seal.h)', () => {
  const whole = sealed(HWID, Buffer.from('state'));
  const unseal = (bytes: Uint8Array, hwid = HWID) => judge([['unseal', hwid, hex(bytes)]])[0];
  assert.equal(unseal(whole), hex('state'));
  assert.equal(unseal(whole, 'LTE4-00A1B2C3D4E6'), 'refused');
  assert.equal(unseal(sealed(HWID, Buffer.from('state'), 'latchd store 2\n\0')), 'refused');
  for (const [at] of whole.entries()) {
    const spoilt = Buffer.from(whole).fill((whole[at] ?? 0) ^ 1, at, at + 1);
    assert.equal(unseal(spoilt), 'refused', `byte ${at}`);
    assert.equal(unseal(whole.subarray(0, at)), 'refused', `cut to ${at}`);
  }
});
