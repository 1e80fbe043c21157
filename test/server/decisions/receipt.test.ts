import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import type { UnlockState } from '../../../protocol/api/unlocks.ts';
import type { Receipt } from '../../../protocol/messages.ts';
import { afterReceipt, type Session } from '../../../server/decisions/receipt.ts';

const now = '2026-01-01T00:00:00.000Z';
const before = '2025-12-31T23:59:00.000Z';
const GRANTED = 10;

function receipt(event: Receipt['event'], seq = GRANTED + 1): Receipt {
  const why = { closed: 'lock', refused: 'nonce' } as const;
  const own = event === 'closed' || event === 'refused' ? { why: why[event] } : {};
  return {
    sub: 'QC-0001-0001',
    jti: '01900000-0000-7000-8000-000000000001',
    event,
    elapsed: 5,
    seq,
    pwv: 1,
    ...own,
  };
}

function session(state: z.infer<typeof UnlockState>, opened: string | null = null): Session {
  return { state, opened, closed: null, why: null, elapsed: null };
}

type Row = [from: Session, Receipt, Partial<Session>];
const moves: Row[] = [
  [session('issued'), receipt('opened'), { state: 'open', opened: now }],
  [session('issued'), receipt('closed'), { state: 'closed', closed: now, why: 'lock', elapsed: 5 }],
  [session('issued'), receipt('refused'), { state: 'expired', why: 'nonce' }],
  [session('issued'), receipt('refused', GRANTED), {}],
  [session('open', before), receipt('opened'), {}],
  [session('open', before), receipt('closed'), { state: 'closed', closed: now, why: 'lock', elapsed: 5 }],
  [session('open', before), receipt('refused'), {}],
  [session('unaccounted'), receipt('opened'), { opened: now }],
  [
    session('unaccounted', before),
    receipt('closed'),
    { state: 'closed', closed: now, why: 'lock', elapsed: 5 },
  ],
  [session('unaccounted'), receipt('closed'), { state: 'closed', closed: now, why: 'lock', elapsed: 5 }],
  [session('unaccounted'), receipt('refused'), { state: 'expired', why: 'nonce' }],
  [session('unaccounted', before), receipt('refused'), {}],
  [session('closed', before), receipt('closed'), {}],
  [session('closed'), receipt('opened'), { opened: now }],
  [session('closed'), receipt('refused'), {}],
  [session('expired'), receipt('closed'), {}],
  [session('expired'), receipt('refused'), {}],
  [session('issued'), receipt('provisioned'), {}],
];

for (const [from, given, change] of moves) {
  const to = change.state === undefined ? 'stays' : `is ${change.state}`;
  const opened = from.opened === null ? '' : ', opened,';
  const late = given.seq <= GRANTED ? ' not above the token’s challenge' : '';
  test(`${from.state}${opened} after a receipt ${given.event}${late}: ${to} (DESIGN §6)`, () => {
    assert.deepEqual(afterReceipt(from, given, GRANTED, now), { ...from, ...change });
  });
}
