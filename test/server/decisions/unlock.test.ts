import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { keyObject } from '../../../protocol/jwk.ts';
import { verifyMessage } from '../../../protocol/jws.ts';
import { unlockToken } from '../../../protocol/messages.ts';
import { bundleUnlock } from '../../../server/decisions/bundle.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { startScene } from '../../fixture/scene.ts';
import { caller, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, alice, station } = await startScene();
after(() => server.stop());

test('from request to closing receipt: each step moves the unlock (DESIGN §6)', async () => {
  const { services } = server;
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  const challenge = await device.challenge();
  const issued = await issueToken(services, alice, id, challenge);
  assert.equal(issued.unlock.state, 'issued');
  // What may still open the module is in no bundle.
  await assert.rejects(bundleUnlock(services, alice, id), { code: 'unlock-state' });
  const [issuer] = services.keys.issuers;
  assert.ok(issuer);
  const claims = verifyMessage(unlockToken, issued.token, (kid) =>
    kid === issuer.kid ? keyObject(issuer.jwk) : undefined,
  );
  assert.deepEqual(
    { jti: claims.jti, by: claims.by, sub: claims.sub, scope: claims.scope, for: claims.for, pw: claims.pw },
    { jti: id, by: 'alice', sub: device.hwid, scope: 'console', for: 900, pw: undefined },
  );
  device.last = id;
  assert.equal(await uploaded(services, alice, device.receipt('opened', id)), 'open');
  const { ver, password } = await revealPassword(services, alice, id);
  assert.equal(ver, 1);
  assert.match(password, /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.equal(await uploaded(services, alice, device.receipt('closed', id, { elapsed: 60 })), 'closed');
  const bundle = await bundleUnlock(services, alice, id);
  assert.deepEqual(bundle.grants, [{ challenge, token: issued.token }]);
  assert.equal(bundle.receipts.length, 2);
  const types = bundle.events.map(({ leaf }) => JSON.parse(Buffer.from(leaf, 'base64url').toString()).type);
  assert.deepEqual(types, [
    'module.registered',
    'unlock.requested',
    'unlock.issued',
    'receipt.accepted',
    'password.revealed',
    'receipt.accepted',
  ]);
});

test('a token that was never taken is in the bundle once its nonce is dead, and not before', async () => {
  const { services, clock } = server;
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  const auditor = caller(['auditor'], 'audrey');
  clock.advance(590_000);
  await assert.rejects(bundleUnlock(services, auditor, id), { code: 'unlock-state' });
  clock.advance(10_000);
  assert.equal((await bundleUnlock(services, auditor, id)).grants.length, 1);
});
