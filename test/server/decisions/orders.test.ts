import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { SERVER } from '../../../protocol/events.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import { confirmModule } from '../../../server/decisions/confirm.ts';
import {
  changeOrder,
  closeOrder,
  createOrder,
  listOrders,
  mustFindOrder,
  reopenOrder,
  viewOrder,
} from '../../../server/decisions/orders.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { resume, retire, suspend, tend } from '../../../server/decisions/tend.ts';
import { databaseFile } from '../../../server/services.ts';
import { Device } from '../../fixture/device.ts';
import { eventsOf } from '../../fixture/events.ts';
import { ordered } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { assertSound } from '../../fixture/sound.ts';
import { digest, principal } from '../../fixture/unlocks.ts';

const { server, services, station, olga } = await startScene();
const elsewhere = await principal(services, ['station'], 'line-2');
after(() => server.stop());

function is(code: ProblemCode) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

let orders = 0;
const order = (quantity: number, stations = [station.name]) => {
  orders += 1;
  return ordered(services, `PO-${orders}`, quantity, stations);
};
const register = ({ hwid, key }: Device, name: string, by = station) =>
  registerModule(services, by, { hwid, key, order: name });
const show = async (name: string) => viewOrder(await mustFindOrder(services.read, name));
const counts = async (name: string) => {
  const { registered, confirmed, failed } = await show(name);
  return [registered, confirmed, failed];
};

async function confirmed(name: string, device = new Device()): Promise<Device> {
  const { module, bundle } = await register(device, name);
  const receipt = await device.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
  await confirmModule(services, station, device.hwid, receipt);
  return device;
}

describe('making orders', () => {
  test('the name is the key: a repeat is the same answer, other content is refused', async () => {
    const asked = { name: 'PO-KEY', quantity: 5, stations: ['line-2', 'line-1'] };
    const first = await createOrder(asked, olga, services);
    assert.deepEqual(first.order.stations, ['line-1', 'line-2']);
    const again = await createOrder({ ...asked, stations: ['line-1', 'line-2'] }, olga, services);
    assert.deepEqual([again.order, again.log], [first.order, null]);
    await assert.rejects(createOrder({ ...asked, quantity: 6 }, olga, services), is('order-exists'));
    await assert.rejects(createOrder({ ...asked, stations: [] }, olga, services), is('order-exists'));
  });

  test('it is given to stations that there are, and not to people', async () => {
    for (const name of ['line-99', 'alice']) {
      const asked = { name: 'PO-NOBODY', quantity: 5, stations: [name] };
      await assert.rejects(createOrder(asked, olga, services), is('not-found'));
    }
    await assert.rejects(mustFindOrder(services.read, 'PO-NOBODY'), is('order-unknown'));
  });

  test('a change says what it is now and why; what is so already writes nothing', async () => {
    const name = await order(5);
    const { order: changed, log } = await changeOrder(
      name,
      { quantity: 7, stations: ['line-2'], why: 'more' },
      olga,
      services,
    );
    assert.deepEqual([changed.quantity, changed.stations, log !== null], [7, ['line-2'], true]);
    const again = await changeOrder(name, { quantity: 7, why: 'more' }, olga, services);
    assert.equal(again.log, null);
    const [event] = (await eventsOf(server, 'order.changed')).filter((one) => one.order === name);
    assert.deepEqual(
      [event?.quantity, event?.stations, event?.why, event?.by],
      [7, ['line-2'], 'more', 'olga'],
    );
    await assert.rejects(
      changeOrder('PO-NONE', { quantity: 7, why: 'x' }, olga, services),
      is('order-unknown'),
    );
  });

  test('orders are listed by name, page by page, by state and by station', async () => {
    await ordered(services, 'ZZ-1', 1, ['line-2']);
    await ordered(services, 'ZZ-2', 1, []);
    await closeOrder('ZZ-2', 'no more', olga, services);
    const page = await listOrders({ limit: 1, after: 'ZZ-' }, services);
    assert.deepEqual([page.items.map(({ name }) => name), page.next], [['ZZ-1'], 'ZZ-1']);
    const closed = await listOrders({ limit: 50, state: 'closed', after: 'ZZ' }, services);
    assert.deepEqual(
      closed.items.map(({ name }) => name),
      ['ZZ-2'],
    );
    const open = await listOrders({ limit: 50, state: 'open', station: 'line-2', after: 'ZZ' }, services);
    assert.deepEqual(
      open.items.map(({ name }) => name),
      ['ZZ-1'],
    );
  });
});

describe('registering for an order', () => {
  test('only one that there is, that is open, and that was given to the station', async () => {
    const name = await order(5);
    await assert.rejects(register(new Device(), 'PO-NONE'), is('order-unknown'));
    await assert.rejects(register(new Device(), name, elsewhere), is('order-not-yours'));
    await closeOrder(name, 'delivered', olga, services);
    await assert.rejects(register(new Device(), name), is('order-closed'));
    await assert.rejects(register(new Device(), name, olga), is('order-closed'));
    await reopenOrder(name, 'one more', olga, services);
    await register(new Device(), name);
    assert.deepEqual(await counts(name), [1, 0, 0]);
  });

  test('officers are bound by all but the list of stations', async () => {
    const name = await order(1, []);
    await register(new Device(), name, olga);
    await assert.rejects(register(new Device(), name, olga), is('order-full'));
  });

  test('never more than were ordered, though two stations race for the last place', async () => {
    const name = await order(3, ['line-1', 'line-2']);
    await register(new Device(), name);
    const racers = Array.from({ length: 8 }, (_, place) =>
      register(new Device(), name, place % 2 === 0 ? station : elsewhere),
    );
    const settled = await Promise.allSettled(racers);
    const won = settled.filter(({ status }) => status === 'fulfilled');
    assert.equal(won.length, 2);
    for (const one of settled) if (one.status === 'rejected') is('order-full')(one.reason);
    assert.deepEqual(await counts(name), [3, 0, 0]);
  });

  test('one module twice at once for the last place: both get the same', async () => {
    const name = await order(1);
    const device = new Device();
    const [one, two] = await Promise.all([register(device, name), register(device, name)]);
    assert.equal(one.bundle, two.bundle);
    assert.deepEqual(await counts(name), [1, 0, 0]);
  });

  test('a repeat is the same answer where the order is full or closed since', async () => {
    const name = await order(1);
    const device = new Device();
    const { bundle } = await register(device, name);
    assert.equal((await register(device, name)).bundle, bundle);
    await closeOrder(name, 'delivered', olga, services);
    assert.equal((await register(device, name)).bundle, bundle);
  });

  test('a repeat for another order, or by a station that has not got it, is refused', async () => {
    const [name, other] = [await order(5), await order(5, ['line-1', 'line-2'])];
    const device = new Device();
    await register(device, name);
    await assert.rejects(register(device, other), is('order-mismatch'));
    await assert.rejects(register(device, other, elsewhere), is('order-not-yours'));
    await assert.rejects(register(device, name, elsewhere), is('order-not-yours'));
    assert.deepEqual(
      [await counts(name), await counts(other)],
      [
        [1, 0, 0],
        [0, 0, 0],
      ],
    );
  });

  test('customer and model stand in the module and its event', async () => {
    const name = await order(5);
    const { hwid, key } = new Device();
    const labels = { customer: 'Acme Metering', model: 'LTE4-G' };
    const { module } = await registerModule(services, station, { hwid, key, order: name, ...labels });
    assert.deepEqual([module.customer, module.model], ['Acme Metering', 'LTE4-G']);
    const [event] = (await eventsOf(server, 'module.registered')).filter((one) => one.hwid === hwid);
    assert.deepEqual([event?.customer, event?.model], ['Acme Metering', 'LTE4-G']);
  });
});

describe('an order’s counts are those of its modules', () => {
  test('through registering, confirming, suspending, resuming and retiring', async () => {
    const name = await order(5);
    const device = await confirmed(name);
    assert.deepEqual(await counts(name), [1, 1, 0]);
    await tend(services, olga, device.hwid, suspend, 'lost');
    assert.deepEqual(await counts(name), [1, 1, 0]);
    await tend(services, olga, device.hwid, resume, 'found');
    await tend(services, olga, device.hwid, retire, 'dead');
    await tend(services, olga, device.hwid, retire, 'dead');
    assert.deepEqual(await counts(name), [0, 0, 1]);
    const fresh = new Device();
    await register(fresh, name);
    await tend(services, olga, fresh.hwid, retire, 'dead');
    assert.deepEqual(await counts(name), [0, 0, 2]);
  });

  test('a receipt that comes again, or after the module was retired, counts nothing', async () => {
    const name = await order(5);
    const device = new Device();
    const { module, bundle } = await register(device, name);
    const receipt = await device.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
    await tend(services, olga, device.hwid, retire, 'dead');
    await confirmModule(services, station, device.hwid, receipt);
    await confirmModule(services, station, device.hwid, receipt);
    assert.deepEqual(await counts(name), [0, 0, 1]);
  });

  test('a retired module gives its place back, and takes one where it is registered anew', async () => {
    const [name, other] = [await order(1), await order(1)];
    const old = await confirmed(name);
    await assert.rejects(register(new Device(), name), is('order-full'));
    await tend(services, olga, old.hwid, retire, 'to be reset');
    await register(new Device(old.hwid), other);
    assert.deepEqual(
      [await counts(name), await counts(other)],
      [
        [0, 0, 0],
        [1, 0, 0],
      ],
    );
    await tend(services, olga, old.hwid, retire, 'to be reset');
    await confirmed(other);
    await assert.rejects(register(new Device(old.hwid), other), is('order-full'));
    assert.deepEqual(await counts(other), [1, 1, 1]);
  });

  test('its quantity is never below what is registered', async () => {
    const name = await order(5);
    for (const device of [new Device(), new Device()]) await register(device, name);
    await assert.rejects(changeOrder(name, { quantity: 1, why: 'less' }, olga, services), is('order-full'));
    await changeOrder(name, { quantity: 2, why: 'less' }, olga, services);
    await assert.rejects(register(new Device(), name), is('order-full'));
  });

  test('modules of the time before orders are counted by the order that has their name', async () => {
    const { module } = await register(new Device(), await order(1));
    const { hwid, dkt } = { hwid: 'QC-BEFORE-1', dkt: 'B'.repeat(43) };
    const [event] = (await eventsOf(server, 'module.registered')).filter((one) => one.dkt === module.dkt);
    assert.ok(event);
    const { at: _, ...registered } = { ...event, hwid, dkt, order: 'PO-BEFORE' };
    await services.commit(SERVER, async (tx) => {
      await tx.db
        .insertInto('modules')
        .values({ ...module, hwid, dkt, order: 'PO-BEFORE' })
        .execute();
      await tx.db
        .insertInto('passwords')
        .values({ hwid, ver: 1, sealed: Buffer.alloc(1), hash: '', created: '', revealed: null })
        .execute();
      await tx.append(registered);
    });
    const asked = { name: 'PO-BEFORE', quantity: 2, stations: ['line-1'] };
    assert.equal((await createOrder(asked, olga, services)).order.registered, 1);
    await tend(services, olga, hwid, retire, 'old');
    assert.deepEqual(await counts('PO-BEFORE'), [0, 0, 1]);
    await assertSound(databaseFile(services.config), server.keys.keys);
  });

  test('counts or stations that were changed behind the server are found by check', async () => {
    const name = await order(5);
    await register(new Device(), name);
    const row = server.store.write.updateTable('orders').where('name', '=', name);
    await row.set({ registered: 2 }).execute();
    const sound = () => assertSound(databaseFile(services.config), server.keys.keys);
    await assert.rejects(sound(), /orders PO-\d+: registered is 2, the events say 1/);
    await row.set({ registered: 1 }).execute();
    await server.store.write
      .insertInto('order_stations')
      .values({ order: name, station: 'line-2' })
      .execute();
    await assert.rejects(sound(), /order_stations PO-\d+ line-2: the row is there, but no event made it/);
    await server.store.write
      .deleteFrom('order_stations')
      .where('order', '=', name)
      .where('station', '=', 'line-2')
      .execute();
  });
});
