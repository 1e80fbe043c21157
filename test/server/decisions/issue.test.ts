import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Challenge } from '../../../protocol/messages.ts';
import type { ProblemCode } from '../../../protocol/problems.ts';
import { decideIssue, type Grant, type IssueFacts } from '../../../server/decisions/issue.ts';

const unlockId = '01900000-0000-7000-8000-000000000001';
const other = '01900000-0000-7000-8000-000000000002';

const challenge: Challenge = {
  ...{ sub: 'QC-0001-0001', nonce: 'AAAAAAAAAAAAAAAAAAAAAA', seq: 8, scope: 'console', for: 900 },
  ...{ keys: 1, pwv: 1, fw: 'test-1', last: other },
};

/** Facts on which a token is issued. */
const good: IssueFacts = {
  ...{ now: 1_800_000_000, by: 'alice', policy: { permitted: true }, challenge },
  unlock: { id: unlockId, hwid: 'QC-0001-0001', scope: 'console', seconds: 1800, state: 'ready' },
  module: { state: 'confirmed', foreign_token: null, granted_seq: 7, pwv: 1 },
  ...{ tokens: 0, nonceGranted: false, lastKnown: true, holder: undefined },
  ...{ issuer: 'kid-1', manifests: ['newer'], sent: 1, spent: false },
};

const asking = (claims: Partial<Challenge>) => ({ challenge: { ...challenge, ...claims } });
const unlock = (change: Partial<IssueFacts['unlock']>) => ({ unlock: { ...good.unlock, ...change } });
const module = (change: Partial<IssueFacts['module']>) => ({ module: { ...good.module, ...change } });

const grants: [string, Partial<IssueFacts>, Partial<Grant>][] = [
  [
    'what was requested and challenged',
    {},
    { issuer: 'kid-1', iat: 1_800_000_000, for: 900, ver: undefined },
  ],
  ['a life as long as the nonce’s', {}, { exp: 1_800_000_600 }],
  ['no more seconds than requested', unlock({ seconds: 60 }), { for: 60 }],
  ['no more seconds than the module asks', asking({ for: 1 }), { for: 1 }],
  ['without a `last`: a module that never accepted a token', { challenge: withoutLast() }, { for: 900 }],
  ['the lowest seq above the highest granted', asking({ seq: 8 }), { for: 900 }],
  [
    'a password where the module has none',
    { ...asking({ pwv: 0 }), ...module({ pwv: 0 }), sent: 0 },
    { ver: 1 },
  ],
  ['a fresh password above what was sent', { ...asking({ pwv: 0 }), sent: 3 }, { ver: 4 }],
  ['a fresh password for a revealed one', { spent: true, sent: 1 }, { ver: 2 }],
  ['a version above what the challenge reports', { ...asking({ pwv: 9 }), spent: true }, { ver: 10 }],
  ['a version above what a receipt reported', { ...module({ pwv: 6 }), spent: true }, { ver: 7 }],
  ['a replacement while issued', { ...unlock({ state: 'issued' }), tokens: 1 }, { for: 900 }],
  ['the third replacement', { ...unlock({ state: 'issued' }), tokens: 3 }, { for: 900 }],
];

for (const [title, facts, expected] of grants) {
  test(`a token is issued with ${title} (DESIGN §6)`, () => {
    const decision = decideIssue({ ...good, ...facts });
    assert.ok(!('problem' in decision), 'problem' in decision ? decision.problem.message : '');
    for (const [name, value] of Object.entries(expected))
      assert.equal(Reflect.get(decision, name), value, name);
  });
}

/** One fault each; where an event is named, the refusal leaves it. */
const refusals: [string, Partial<IssueFacts>, ProblemCode, string?][] = [
  ['policy says no', { policy: { permitted: false, need: 'a reason' } }, 'forbidden'],
  ['the module is unconfirmed', module({ state: 'registered' }), 'module-unconfirmed'],
  ['the module is suspended', module({ state: 'suspended' }), 'module-inactive'],
  ['the module is retired', module({ state: 'retired' }), 'module-inactive'],
  ['the module is flagged', module({ foreign_token: other }), 'module-flagged'],
  [
    'the challenge is another module’s',
    asking({ sub: 'QC-0001-0002' }),
    'challenge-mismatch',
    'token.refused',
  ],
  ['the scope differs', asking({ scope: 'adb' }), 'challenge-mismatch', 'token.refused'],
  ['no time is asked for', asking({ for: 0 }), 'challenge-mismatch', 'token.refused'],
  ['`last` is unknown', { lastKnown: false }, 'module-flagged', 'module.foreign-token'],
  ['the nonce was granted', { nonceGranted: true }, 'challenge-spent', 'token.refused'],
  ['seq is the highest granted', asking({ seq: 7 }), 'challenge-spent', 'module.rolled-back'],
  ['seq is below', asking({ seq: 1 }), 'challenge-spent', 'module.rolled-back'],
  [
    'it is accepted already',
    { ...unlock({ state: 'issued' }), ...asking({ last: unlockId }) },
    'unlock-state',
  ],
  [
    'it was replaced 3 times',
    { ...unlock({ state: 'issued' }), tokens: 4 },
    'replacements-exhausted',
    'token.refused',
  ],
  ['somebody else holds the module', { holder: { id: other, requester: 'bob' } }, 'module-in-use'],
  ['versions are used up', { ...asking({ pwv: 0xffff_ffff }), spent: true }, 'challenge-mismatch'],
  ['no live issuer key is named', { issuer: undefined }, 'manifest-behind'],
  ...(['waiting', 'open', 'closed', 'denied', 'cancelled', 'expired', 'unaccounted'] as const).map(
    (state): [string, Partial<IssueFacts>, ProblemCode] => [
      `the unlock is ${state}`,
      unlock({ state }),
      'unlock-state',
    ],
  ),
];

for (const [title, facts, code, event] of refusals) {
  test(`no token is issued when ${title}: ${code} (DESIGN §6)`, () => {
    const decision = decideIssue({ ...good, ...facts });
    assert.ok('problem' in decision);
    assert.equal(decision.problem.code, code);
    assert.equal(decision.event?.type, event);
  });
}

test('who holds the module is named, and what to do about an old manifest enclosed (DESIGN §6)', () => {
  const inUse = decideIssue({ ...good, holder: { id: other, requester: 'bob' } });
  assert.ok('problem' in inUse);
  assert.deepEqual(inUse.problem.extensions, { holder: 'bob', unlock: other });
  const behind = decideIssue({ ...good, issuer: undefined });
  assert.ok('problem' in behind);
  assert.deepEqual(behind.problem.extensions, { manifests: ['newer'] });
});

function withoutLast(): Challenge {
  const { last: _, ...rest } = challenge;
  return rest;
}
