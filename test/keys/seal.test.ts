import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyFault } from '../../keys/fault.ts';
import type { SealedFor } from '../../keys/keys.ts';
import { makeKek, makeSealer } from '../../keys/seal.ts';

const plain = Buffer.from('0123-4567-89AB-CDEF-GHJK-MNPQ');
const dataKey = () => ({ id: randomUUID(), key: randomBytes(32) });
const sealedFor: SealedFor = { purpose: 'password', subject: 'HW-00000001', version: 7 };

test('what was sealed opens, for exactly what it was sealed for (section 6, Passwords)', () => {
  const sealer = makeSealer([dataKey()], randomBytes);
  const sealed = sealer.seal(plain, sealedFor);
  assert.deepEqual(sealer.open(sealed, sealedFor), plain);
  const moved: SealedFor[] = [
    { ...sealedFor, subject: 'HW-00000002' },
    { ...sealedFor, version: 8 },
    { ...sealedFor, purpose: 'bundle' },
  ];
  for (const other of moved) assert.throws(() => sealer.open(sealed, other), KeyFault);
});

test('no two purposes and subjects share associated data', () => {
  const sealer = makeSealer([dataKey()], randomBytes);
  const subject = fc.string({ maxLength: 12 });
  const purpose = fc.constantFrom<SealedFor['purpose'][]>(
    'password',
    'challenge',
    'token',
    'bundle',
    'enrolment',
  );
  const field = fc.record({ purpose, subject, version: fc.nat(3) });
  fc.assert(
    fc.property(field, field, (one, other) => {
      fc.pre(one.purpose !== other.purpose || one.subject !== other.subject || one.version !== other.version);
      assert.throws(() => sealer.open(sealer.seal(plain, one), other), KeyFault);
    }),
  );
});

test('any bit flipped, any byte cut off or added, and it does not open', () => {
  const sealer = makeSealer([dataKey()], randomBytes);
  const sealed = sealer.seal(plain, sealedFor);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const other = Buffer.from(sealed);
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => sealer.open(other, sealedFor), KeyFault, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    assert.throws(() => sealer.open(sealed.subarray(0, length), sealedFor), KeyFault, `${length} bytes`);
  }
  assert.throws(() => sealer.open(Buffer.concat([sealed, Buffer.of(0)]), sealedFor), KeyFault);
});

test('the newest data key seals, older ones still open', () => {
  const [older, newer] = [dataKey(), dataKey()];
  const before = makeSealer([older], randomBytes).seal(plain, sealedFor);
  const both = makeSealer([older, newer], randomBytes);
  assert.deepEqual(both.open(before, sealedFor), plain);
  const sealed = both.seal(plain, sealedFor);
  assert.throws(() => makeSealer([older], randomBytes).open(sealed, sealedFor), KeyFault);
  assert.deepEqual(makeSealer([newer], randomBytes).open(sealed, sealedFor), plain);
});

test('a data key unwraps under its KEK and its id, and no other', () => {
  const kek = makeKek(randomBytes(32), randomBytes);
  const { id, key } = dataKey();
  const wrapped = kek.wrap(key, id);
  assert.deepEqual(kek.unwrap(wrapped, id), key);
  assert.throws(() => kek.unwrap(wrapped, randomUUID()), KeyFault);
  assert.throws(() => makeKek(randomBytes(32), randomBytes).unwrap(wrapped, id), KeyFault);
});
