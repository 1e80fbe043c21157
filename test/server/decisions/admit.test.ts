import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import { admit, type Peer, type Standing } from '../../../server/decisions/admit.ts';
import type { Access } from '../../../server/operation.ts';

const standing: Standing = {
  serial: '4a',
  lineage: '00000000-0000-7000-8000-000000000000',
  state: 'live',
  principal: 'alice',
  kind: 'person',
  enabled: true,
  roles: '["engineer"]',
};
const peer: Peer = {
  trusted: true,
  serial: '4a',
  names: 'URI:urn:latchkey:person:alice',
  notBefore: 1,
  notAfter: 9,
};

function code(
  given: Partial<Peer>,
  found: Partial<Standing>,
  access: Access,
  now = 5,
): ProblemCode | 'admitted' {
  try {
    admit({ ...peer, ...given }, { ...standing, ...found }, access, now);
    return 'admitted';
  } catch (error) {
    assert.ok(error instanceof Problem);
    return error.code;
  }
}

test('a certificate holds from its first to its last moment, both included', () => {
  const at = (now: number) => code({}, {}, 'enrolled', now);
  assert.deepEqual([0, 1, 9, 10].map(at), [
    'certificate-expired',
    'admitted',
    'admitted',
    'certificate-expired',
  ]);
});

test('renewal overlooks the end and an earlier renewal, and nothing else', () => {
  assert.equal(code({}, {}, 'expired', 10), 'admitted');
  assert.equal(code({}, { state: 'renewed' }, 'expired'), 'admitted');
  assert.equal(code({}, { state: 'renewed' }, 'enrolled'), 'certificate-renewed');
  assert.equal(code({}, { state: 'revoked' }, 'expired'), 'certificate-revoked');
  assert.equal(code({}, { enabled: false }, 'expired'), 'principal-disabled');
  assert.equal(code({ trusted: false }, {}, 'expired'), 'certificate-untrusted');
});

test('what is let in may be written until the certificate’s end, a renewal after it', () => {
  assert.equal(admit(peer, standing, 'enrolled', 5).ends, 9);
  assert.equal(admit(peer, standing, ['engineer'], 5).ends, 9);
  assert.equal(admit(peer, standing, 'expired', 10).ends, Number.POSITIVE_INFINITY);
});

test('the name in the certificate is the row’s, kind and all, and the only one', () => {
  for (const names of [
    undefined,
    'URI:urn:latchkey:station:alice',
    'URI:urn:latchkey:person:alice2',
    'URI:urn:latchkey:person:alice, URI:urn:latchkey:person:olga',
  ]) {
    assert.equal(code({ names }, {}, 'enrolled'), 'certificate-untrusted', names);
  }
});

test('a disabled principal is told so, whatever its certificate', () => {
  assert.equal(code({}, { enabled: false }, 'enrolled'), 'principal-disabled');
});
