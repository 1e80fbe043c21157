import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from '../../server/middleware/address.ts';
import { RateLimit } from '../../server/middleware/rate.ts';

function limit(perSecond: number, burst: number, most?: number) {
  let now = 1_000_000;
  const clock = () => new Date(now);
  const advance = (milliseconds: number) => {
    now += milliseconds;
  };
  return { limit: new RateLimit({ perSecond, burst }, clock, most), advance };
}

test('a key may make its burst at once, then its rate, and is told how long to wait', () => {
  const { limit: bucket, advance } = limit(2, 3);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take('a')),
    [0, 0, 0, 500],
  );
  advance(499);
  assert.equal(bucket.take('a'), 1);
  advance(1);
  assert.deepEqual([bucket.take('a'), bucket.take('a')], [0, 500]);
  advance(60_000);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take('a')),
    [0, 0, 0, 500],
  );
});

test('keys do not pay for each other, and asking costs nothing', () => {
  const { limit: bucket } = limit(1, 1);
  assert.deepEqual([bucket.wait('a'), bucket.wait('a'), bucket.take('a'), bucket.take('a')], [0, 0, 0, 1000]);
  assert.equal(bucket.take('b'), 0);
});

test('a clock that is set back locks nobody out', () => {
  const { limit: bucket, advance } = limit(1, 5);
  for (let taken = 0; taken < 5; taken += 1) bucket.take('a');
  advance(-86_400_000);
  assert.equal(bucket.take('a'), 0);
});

test('memory is bounded: the key longest not seen is forgotten', () => {
  const { limit: bucket } = limit(1, 1, 2);
  for (const key of ['a', 'b', 'c']) bucket.take(key);
  assert.deepEqual([bucket.wait('a'), bucket.wait('b'), bucket.wait('c')], [0, 1000, 1000]);
});

test('addresses are counted by IPv4 address, and by /64 of IPv6 (RFC 6177 §2)', () => {
  const same = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ] as const;
  for (const [address, network] of same) assert.equal(networkOf(address), network);
});
