import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import { certifyModule } from '../../../server/decisions/certify.ts';
import { confirmModule } from '../../../server/decisions/confirm.ts';
import { labelModule } from '../../../server/decisions/label.ts';
import { offlineBundle } from '../../../server/decisions/offline.ts';
import { changeOrder } from '../../../server/decisions/orders.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { resume, retire, suspend, tend } from '../../../server/decisions/tend.ts';
import { Device } from '../../fixture/device.ts';
import { ordered } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { digest, principal } from '../../fixture/unlocks.ts';

/** Stations and officers at once over the same few modules, keys and orders: every order of events is one that happens. */

const { server, services, station, olga } = await startScene();
// Whose stop compares every table with the log.
after(() => server.stop());

const ROUNDS = 25;
const AT_ONCE = 12;
const pick = <T>(from: readonly T[]): T => from[randomInt(from.length)] as T;

test('whoever races whom: a refusal or an answer, no module too many, counts that are true', async () => {
  const stations = [station, await principal(services, ['station'], 'line-2')];
  const orders = ['PO-1', 'PO-2'];
  for (const name of orders) await ordered(services, name, 4, ['line-1', 'line-2']);
  const hwids = Array.from({ length: 5 }, (_, place) => `QC-MELEE-0${place}`);
  const devices = hwids.flatMap((hwid) => [new Device(hwid), new Device(hwid)]);
  const offline = async (device: Device, by = pick(stations), order = pick(orders)) => {
    const { jti, bundle } = await offlineBundle(services, by, order);
    const receipt = await device.receipt('provisioned', jti, { dig: digest(bundle), pwv: 0 });
    return registerModule(services, by, { hwid: device.hwid, key: device.key, order, receipt });
  };
  const online = async (device: Device, by = pick(stations), order = pick(orders)) => {
    const { hwid, key } = device;
    const { module, bundle } = await registerModule(services, by, { hwid, key, order });
    const receipt = await device.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
    return confirmModule(services, by, hwid, receipt);
  };
  const acts: readonly ((device: Device) => Promise<unknown>)[] = [
    online,
    online,
    offline,
    offline,
    ({ hwid }) =>
      registerModule(services, pick(stations), { hwid, key: pick(devices).key, order: pick(orders) }),
    ({ hwid }) => tend(services, olga, hwid, retire, 'x'),
    ({ hwid }) => tend(services, olga, hwid, pick([suspend, resume]), 'x'),
    ({ hwid }) => labelModule(services, olga, { hwid, order: pick(orders) }),
    () => changeOrder(pick(orders), { quantity: 3 + randomInt(3), why: 'x' }, olga, services),
    async (device) => certifyModule(services, pick(stations), device.hwid, await device.csr()),
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    // What was retired comes back with another key.
    devices.push(new Device(pick(hwids)));
    devices.shift();
    const settled = await Promise.allSettled(
      Array.from({ length: AT_ONCE }, () => pick(acts)(pick(devices))),
    );
    for (const one of settled) {
      if (one.status === 'rejected') assert.ok(one.reason instanceof Problem, String(one.reason?.stack));
    }
    await assertCounted();
  }
});

/** What orders count is what there is of each. */
async function assertCounted(): Promise<void> {
  const modules = await services.read.selectFrom('modules').select(['order', 'state']).execute();
  for (const row of await services.read.selectFrom('orders').selectAll().execute()) {
    const count = (...states: string[]) =>
      modules.filter(({ order, state }) => order === row.name && states.includes(state)).length;
    const counted = [row.registered, row.confirmed, row.failed];
    const confirmed = count('confirmed', 'suspended');
    assert.deepEqual(counted, [count('registered') + confirmed, confirmed, count('retired')]);
    assert.ok(row.registered <= row.quantity);
  }
}
