import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { bundle as bundleMessage } from '../../../protocol/messages.ts';
import type { Problem } from '../../../protocol/problems.ts';
import { verifyUnlockBundle } from '../../../protocol/unlock-bundle.ts';
import type { Services } from '../../../server/context.ts';
import { findModule } from '../../../server/decisions/module.ts';
import { takeReceipts } from '../../../server/decisions/receive.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { retire, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { bundleFile, eventfulUnlock } from '../../fixture/bundle.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { digest, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, services, alice, station, olga } = await startScene();
after(() => server.stop());

const order = await orderOf(services, station);
const register = ({ hwid, key }: Device) => registerModule(services, station, { hwid, key, order });
const retired = ({ hwid }: Device) => tend(services, olga, hwid, retire, 'it has been reset');
const exists = (error: Problem) => error.code === 'module-exists';

describe('a retired module with another device key (DESIGN §4, §6)', () => {
  test('is registered anew, with a password above all that were sent, and unlocks from seq 1 on', async () => {
    const old = await provisioned(services, station);
    await eventfulUnlock(services, alice, old);
    const device = new Device(old.hwid);
    await assert.rejects(register(device), exists);
    await retired(old);
    const { bundle } = await register(device);
    const { pw, dkt } = decodePayload(bundleMessage, openEnvelope(bundleMessage, bundle).payload);
    assert.deepEqual([pw?.ver, dkt], [2, device.dkt]);
    assert.equal((await register(device)).bundle, bundle);
    device.pwv = 2;
    await provisioned(services, station, device);
    const id = await requested(services, alice, device);
    await issueToken(services, alice, id, await device.challenge());
    assert.equal(await uploaded(services, alice, device.receipt('opened', id)), 'open');
  });

  test('what the old key had under way ends, and what it signed still counts', async () => {
    const old = await provisioned(services, station);
    const id = await requested(services, alice, old);
    await issueToken(services, alice, id, await old.challenge());
    const late = await old.receipt('closed', id, { seq: 900, pwv: 7 });
    await retired(old);
    const device = new Device(old.hwid);
    await provisioned(services, station, device);
    assert.equal(await uploaded(services, alice, Promise.resolve(late)), 'closed');
    const { pwv } = await services.read
      .selectFrom('modules')
      .select('pwv')
      .where('hwid', '=', old.hwid)
      .executeTakeFirstOrThrow();
    assert.equal(pwv, device.pwv);
    const verdict = verifyUnlockBundle(await bundleFile(services, alice, id), services.keys.roots);
    assert.ok(verdict.ok, JSON.stringify(verdict));
  });

  test('the old key cannot say that the new bundle arrived', async () => {
    const old = await provisioned(services, station);
    await retired(old);
    const { module, bundle } = await register(new Device(old.hwid));
    const receipt = old.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
    assert.equal(await uploaded(services, alice, receipt), 'receipt-unknown');
  });

  test('nor where the module is registered anew between its receipt’s proof and the commit', async () => {
    const old = new Device();
    const { module, bundle } = await register(old);
    const receipt = await old.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
    const commit: Services['commit'] = async (author, fn) => {
      await retired(old);
      await register(new Device(old.hwid));
      return services.commit(author, fn);
    };
    await takeReceipts({ ...services, commit }, station, [receipt]);
    const { state } = await findModule(services.read, old.hwid);
    assert.equal(state, 'registered');
  });

  test('a device key that a module had once is nobody’s any more', async () => {
    const old = await provisioned(services, station);
    await retired(old);
    await provisioned(services, station, new Device(old.hwid));
    await assert.rejects(register(old), exists);
    await retired(old);
    await assert.rejects(register(old), exists);
    await assert.rejects(
      registerModule(services, station, { hwid: 'QC-OTHER-01', key: old.key, order }),
      exists,
    );
  });

  test('nor one that another module is registered with at the same moment: one has it, the other is told', async () => {
    for (const turn of [0, 1]) {
      const old = await provisioned(services, station);
      await retired(old);
      const { hwid, key } = new Device();
      const both = [old.hwid, hwid].map((one) => ({ hwid: one, key, order }));
      if (turn === 1) both.reverse();
      const settled = await Promise.allSettled(both.map((one) => registerModule(services, station, one)));
      assert.deepEqual(
        settled.map((one) => (one.status === 'rejected' ? one.reason.code : one.status)).sort(),
        ['fulfilled', 'module-exists'],
      );
    }
  });
});
