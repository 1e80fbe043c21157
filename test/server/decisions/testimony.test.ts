import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { NONCE_LIFE } from '../../../protocol/messages.ts';
import type { Problem } from '../../../protocol/problems.ts';
import { verifyUnlockBundle } from '../../../protocol/unlock-bundle.ts';
import type { Caller } from '../../../server/context.ts';
import { lookAtUnlock } from '../../../server/decisions/look.ts';
import { takeReceipts } from '../../../server/decisions/receive.ts';
import { clear, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { bundleFile } from '../../fixture/bundle.ts';
import type { Device } from '../../fixture/device.ts';
import { startScene } from '../../fixture/scene.ts';
import { provisioned, requested } from '../../fixture/unlocks.ts';

const { server, services, alice, bob, station, olga } = await startScene();
after(() => server.stop());

const STRANGER = '01900000-0000-7000-8000-000000000001';
const never = () => new AbortController().signal;

async function hand(caller: Caller, jws: string) {
  const [result] = (await takeReceipts(services, caller, [jws])).results;
  return [result?.code ?? result?.status, result?.state];
}

async function stateOf(id: string): Promise<string> {
  return (await lookAtUnlock(services, alice, id, { wait: 0 }, never)).state;
}

async function alarms({ hwid }: Device): Promise<number> {
  return (await services.reader.search({ hwid, type: 'module.foreign-token', limit: 10 })).items.length;
}

describe('a receipt for a token that was not made for its module (docs/protocol.md §7)', () => {
  test('refused, of another module’s token: on record once, and that unlock stays as it is', async () => {
    const mine = await provisioned(services, station);
    const id = await requested(services, alice, mine);
    await issueToken(services, alice, id, await mine.challenge());
    const other = await provisioned(services, station);
    const receipt = await other.receipt('refused', id, { why: 'module' });
    assert.deepEqual(await hand(bob, receipt), ['accepted', null]);
    assert.deepEqual(await hand(bob, receipt), ['known', null]);
    const { items } = await services.reader.search({ hwid: other.hwid, unlock: id, limit: 10 });
    assert.equal(items.length, 1);
    assert.equal(await stateOf(id), 'issued');
    assert.equal(await alarms(other), 0);
    await requested(services, bob, other);
  });

  test('and the bundle of that unlock is proved without it', async () => {
    const mine = await provisioned(services, station);
    const id = await requested(services, alice, mine);
    await issueToken(services, alice, id, await mine.challenge());
    const other = await provisioned(services, station);
    await hand(bob, await other.receipt('refused', id, { why: 'module' }));
    // A token that may still open its module is not bundled.
    server.clock.advance(NONCE_LIFE * 1000);
    const verdict = verifyUnlockBundle(await bundleFile(services, alice, id), services.keys.roots);
    assert.ok(verdict.ok, JSON.stringify(verdict));
  });

  test('opened, of whatever token: a token that this server never issued', async () => {
    const mine = await provisioned(services, station);
    const id = await requested(services, alice, mine);
    await issueToken(services, alice, id, await mine.challenge());
    for (const jti of [STRANGER, id]) {
      const other = await provisioned(services, station);
      assert.deepEqual(await hand(bob, await other.receipt('opened', jti)), ['accepted', null]);
      await assert.rejects(
        requested(services, bob, other),
        (error: Problem) => error.code === 'module-flagged',
      );
    }
  });

  test('refused, of a token that nobody was granted: its signature was good, so a key has leaked', async () => {
    const device = await provisioned(services, station);
    await hand(bob, await device.receipt('refused', STRANGER, { why: 'nonce' }));
    // It refused that token: to say that it had accepted it would be wrong.
    await assert.rejects(requested(services, bob, device), {
      code: 'module-flagged',
      message: /named the token .* never issued.*Tell an officer/,
    });
    assert.equal(await alarms(device), 1);
  });

  test('is no second alarm once an officer has looked into it', async () => {
    const device = await provisioned(services, station);
    await hand(bob, await device.receipt('opened', STRANGER));
    await tend(services, olga, device.hwid, clear, 'a laboratory token');
    assert.deepEqual(await hand(bob, await device.receipt('closed', STRANGER)), ['accepted', null]);
    assert.equal(await alarms(device), 1);
    await requested(services, bob, device);
  });
});
