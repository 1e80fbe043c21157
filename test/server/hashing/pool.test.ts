import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPool } from '../../../server/hashing/pool.ts';
import { sha512crypt } from '../../../server/hashing/sha512crypt.ts';

test('each password has its own hash, however many are asked for at once, and on however many threads', async () => {
  for (const threads of [1, 3]) {
    const pool = hashPool(threads);
    const asked = Array.from({ length: 50 }, (_, place) => [`PASSWORD-${place}`, `salt${place}`] as const);
    const made = await Promise.all(asked.map(([password, salt]) => pool(password, salt, 1000)));
    assert.deepEqual(
      made,
      asked.map(([password, salt]) => sha512crypt(password, salt, 1000)),
    );
  }
});
