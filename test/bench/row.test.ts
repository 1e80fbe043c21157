import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excesses, type Row } from '../../bench/row.ts';

const row: Row = {
  name: 'latchd',
  value: 131_072,
  unit: 'B',
  beside: { name: 'of 131,072', value: 131_072 },
  most: 1,
};

test('a figure at its limit is within, and one without a limit always is', () => {
  assert.deepEqual(excesses([row, { name: 'other', value: 1e9, unit: 'B' }]), []);
});

test('a figure above its limit is told with the limit', () => {
  assert.deepEqual(excesses([{ ...row, value: 131_073 }]), [
    'latchd: 131073 B, above the limit of 131072, 1 × of 131,072',
  ]);
  const cost: Row = {
    name: 'a check',
    value: 120,
    unit: '',
    beside: { name: 'of another', value: 100 },
    most: 1.15,
  };
  assert.deepEqual(excesses([cost]), ['a check: 120, above the limit of 115, 1.15 × of another']);
});
