import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { checkBundle } from '../../../protocol/checks.ts';
import { keyObject } from '../../../protocol/jwk.ts';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { bundle as bundleMessage, unlockToken } from '../../../protocol/messages.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import type { Caller } from '../../../server/context.ts';
import { findModule } from '../../../server/decisions/module.ts';
import { offlineBundle } from '../../../server/decisions/offline.ts';
import { changeOrder, closeOrder, mustFindOrder } from '../../../server/decisions/orders.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { retire, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { Device } from '../../fixture/device.ts';
import { eventsOf } from '../../fixture/events.ts';
import { ordered } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { caller, digest, principal, requested, uploaded } from '../../fixture/unlocks.ts';

/** A station that goes on while the server is away, and what the server takes from it afterwards. */

const { server, services, alice, station, olga } = await startScene();
const elsewhere = await principal(services, ['station'], 'line-2');
after(() => server.stop());

function is(code: ProblemCode) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

const DAY = 86_400_000;
let orders = 0;
const order = (quantity = 5) => {
  orders += 1;
  return ordered(services, `PO-${orders}`, quantity, ['line-1', 'line-2']);
};
const counts = async (name: string) => {
  const { registered, confirmed, failed } = await mustFindOrder(services.read, name);
  return [registered, confirmed, failed];
};

type Bundle = Awaited<ReturnType<typeof offlineBundle>>;

/** A module that holds the offline bundle, and what the station's journal says of it. */
async function made({ order: name, jti, bundle }: Bundle, device = new Device(), claims = {}) {
  device.pwv = 0;
  const receipt = await device.receipt('provisioned', jti, { dig: digest(bundle), ...claims });
  return { hwid: device.hwid, key: device.key, order: name, receipt };
}
const deliver = (entry: Awaited<ReturnType<typeof made>>, by: Caller = station) =>
  registerModule(services, by, entry);

describe('the offline bundle', () => {
  test('names no module, brings no password, and every module of the issuer takes it (DESIGN §4)', async () => {
    const { bundle, jti, most, taken, log } = await offlineBundle(services, station, await order());
    assert.deepEqual(decodePayload(bundleMessage, openEnvelope(bundleMessage, bundle).payload), {
      ...{ iss: services.keys.iss, aud: 'latchkey:module', jti },
    });
    const named = services.keys.manifests
      .at(-1)
      ?.claims.keys.map((jwk) => [jwk.kid, keyObject(jwk)] as const);
    const issuers = new Map(named);
    const keys = (kid: string) => issuers.get(kid);
    const { hwid, dkt } = new Device();
    const held = { provisioned: false, hwid, dkt, iss: services.keys.iss, keys, pwv: 0 };
    assert.ok(checkBundle(bundle, held).ok);
    assert.deepEqual([most, taken, log !== null], [5, 0, true]);
  });

  test('is one of an order and a station: the same bytes while it lives, each under its event', async () => {
    const name = await order();
    const first = await offlineBundle(services, station, name);
    const again = await offlineBundle(services, station, name);
    assert.deepEqual([again.bundle, again.log], [first.bundle, null]);
    assert.notEqual((await offlineBundle(services, elsewhere, name)).jti, first.jti);
    const events = (await eventsOf(server, 'bundle.issued')).filter((one) => one.jti === first.jti);
    assert.deepEqual(
      events.map(({ by, station: of, order: its, dig, most }) => [by, of, its, dig, most]),
      [['line-1', 'line-1', name, digest(first.bundle), 5]],
    );
  });

  test('asked for twice at once: one', async () => {
    const name = await order();
    const asked = Array.from({ length: 4 }, () => offlineBundle(services, station, name));
    assert.equal(new Set((await Promise.all(asked)).map(({ bundle }) => bundle)).size, 1);
  });

  test('is only of open orders that were given to the station and lack modules', async () => {
    const name = await order(1);
    const stranger = await principal(services, ['station'], 'line-3');
    await assert.rejects(offlineBundle(services, station, 'PO-NONE'), is('order-unknown'));
    await assert.rejects(offlineBundle(services, stranger, name), is('order-not-yours'));
    await deliver(await made(await offlineBundle(services, station, name)));
    await assert.rejects(offlineBundle(services, station, name), is('order-full'));
    await closeOrder(name, 'done', olga, services);
    await assert.rejects(offlineBundle(services, station, name), is('order-closed'));
  });

  test('of a full order it is still handed out while it lives: it may have been lost on its way', async () => {
    const name = await order(2);
    const first = await offlineBundle(services, station, name);
    await deliver(await made(first));
    await deliver(await made(await offlineBundle(services, elsewhere, name)), elsewhere);
    const again = await offlineBundle(services, station, name);
    assert.deepEqual([again.jti, again.most, again.taken], [first.jti, 2, 1]);
  });

  test('another is made where it is over or used up, for what the order lacks then', async () => {
    const name = await order(2);
    const first = await offlineBundle(services, station, name);
    server.clock.advance(30 * DAY);
    const second = await offlineBundle(services, station, name);
    assert.notEqual(second.jti, first.jti);
    for (let place = 0; place < 2; place += 1) await deliver(await made(second));
    await changeOrder(name, { quantity: 5, why: 'more' }, olga, services);
    const third = await offlineBundle(services, station, name);
    assert.deepEqual([third.most, third.jti !== second.jti], [3, true]);
  });
});

describe('registering what was made during an outage', () => {
  test('confirms it at once; again, nothing changes, also after the bundle is over', async () => {
    const name = await order();
    const entry = await made(await offlineBundle(services, station, name));
    const { module, log } = await deliver(entry);
    assert.deepEqual([module.state, module.pwv, log !== null], ['confirmed', 0, true]);
    assert.deepEqual(await counts(name), [1, 1, 0]);
    server.clock.advance(31 * DAY);
    const again = await deliver(entry);
    assert.deepEqual([again.module.state, again.log], ['confirmed', null]);
    assert.deepEqual(await counts(name), [1, 1, 0]);
    assert.equal((await registerModule(services, station, { ...entry, receipt: undefined })).log, null);
  });

  test('one entry twice at once for the last place of bundle and order: both get the same', async () => {
    const name = await order(1);
    const entry = await made(await offlineBundle(services, station, name));
    const [one, two] = await Promise.all([deliver(entry), deliver(entry)]);
    assert.deepEqual([one.module.state, two.module.state], ['confirmed', 'confirmed']);
    assert.deepEqual(await counts(name), [1, 1, 0]);
  });

  test('its first token brings password version 1, which then opens the login', async () => {
    const device = new Device();
    const entry = await made(await offlineBundle(services, station, await order()), device);
    await deliver(entry);
    const id = await requested(services, alice, device);
    const { token } = await issueToken(services, alice, id, await device.challenge());
    const { pw } = decodePayload(unlockToken, openEnvelope(unlockToken, token).payload);
    assert.equal(pw?.ver, 1);
    device.pwv = 1;
    device.last = id;
    assert.equal(await uploaded(services, alice, device.receipt('opened', id)), 'open');
    assert.equal((await revealPassword(services, alice, id)).ver, 1);
    assert.equal((await findModule(services.read, device.hwid)).pwv, 1);
  });

  test('a module that was registered first, and never got its own bundle, is taken with the offline one', async () => {
    const name = await order();
    const device = new Device();
    const { hwid, key } = device;
    await registerModule(services, station, { hwid, key, order: name });
    const { module } = await deliver(await made(await offlineBundle(services, station, name), device));
    assert.equal(module.state, 'confirmed');
    assert.deepEqual(await counts(name), [1, 1, 0]);
    const id = await requested(services, alice, device);
    const { token } = await issueToken(services, alice, id, await device.challenge());
    assert.equal(decodePayload(unlockToken, openEnvelope(unlockToken, token).payload).pw?.ver, 2);
  });

  test('a retired module with another device key is registered anew by it', async () => {
    const name = await order();
    const old = new Device();
    await deliver(await made(await offlineBundle(services, station, name), old));
    await tend(services, olga, old.hwid, retire, 'reset');
    const entry = await made(await offlineBundle(services, station, name), new Device(old.hwid), { seq: 9 });
    assert.equal((await deliver(entry)).module.state, 'confirmed');
    assert.deepEqual(await counts(name), [1, 1, 0]);
  });

  test('the same hardware ID with another device key is a suspected clone, as ever', async () => {
    const bundle = await offlineBundle(services, station, await order());
    const device = new Device();
    await deliver(await made(bundle, device));
    await assert.rejects(deliver(await made(bundle, new Device(device.hwid))), is('module-exists'));
    const events = await eventsOf(server, 'module.clone-suspected');
    assert.equal(events.filter(({ hwid }) => hwid === device.hwid).length, 1);
  });

  test('an officer may bring what a station left behind', async () => {
    const entry = await made(await offlineBundle(services, station, await order()));
    assert.equal((await deliver(entry, olga)).module.state, 'confirmed');
  });

  test('an officer may bring what a station kept until the bundle was over, and nobody else', async () => {
    const entry = await made(await offlineBundle(services, station, await order()));
    server.clock.advance(31 * DAY);
    await assert.rejects(deliver(entry), is('receipt-unknown'));
    assert.equal((await deliver(entry, olga)).module.state, 'confirmed');
  });

  test('refused: a bundle of another order or station, over, of other bytes, of no one', async () => {
    const [name, other] = [await order(), await order()];
    const bundle = await offlineBundle(services, station, name);
    await assert.rejects(deliver({ ...(await made(bundle)), order: other }), is('receipt-unknown'));
    await assert.rejects(deliver(await made(bundle), elsewhere), is('receipt-unknown'));
    const bytes = await made(bundle, new Device(), { dig: digest('x') });
    await assert.rejects(deliver(bytes), is('receipt-unknown'));
    const unknown = { ...bundle, jti: '01900000-0000-7000-8000-000000000001' };
    await assert.rejects(deliver(await made(unknown)), is('receipt-unknown'));
    server.clock.advance(30 * DAY);
    await assert.rejects(deliver(await made(bundle)), is('receipt-unknown'));
    assert.deepEqual(
      [await counts(name), await counts(other)],
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
    );
  });

  test('refused: a receipt of another key or module, of another kind, or none', async () => {
    const bundle = await offlineBundle(services, station, await order());
    const device = new Device();
    const { key } = new Device();
    await assert.rejects(deliver({ ...(await made(bundle, device)), key }), is('invalid-message'));
    const sub = { sub: 'QC-ANOTHER-1' };
    await assert.rejects(deliver(await made(bundle, device, sub)), is('receipt-unknown'));
    const entry = await made(bundle, device);
    for (const event of ['opened', 'closed', 'refused'] as const) {
      const receipt = await device.receipt(event, bundle.jti);
      await assert.rejects(deliver({ ...entry, receipt }), is('receipt-unknown'), event);
    }
    await assert.rejects(deliver({ ...entry, receipt: 'a.b.c' }), is('invalid-message'));
  });

  test('refused: one more than the order lacked, though they race', async () => {
    const name = await order(3);
    const bundle = await offlineBundle(services, station, name);
    await changeOrder(name, { quantity: 100, why: 'more' }, olga, services);
    const entries = await Promise.all(Array.from({ length: 5 }, () => made(bundle)));
    const settled = await Promise.allSettled(entries.map((entry) => deliver(entry)));
    for (const one of settled) if (one.status === 'rejected') is('order-full')(one.reason);
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 3);
    assert.deepEqual(await counts(name), [3, 3, 0]);
  });

  test('two stations, each with a bundle for all that the order lacked, make no more than were ordered', async () => {
    const name = await order(3);
    const bundles = [
      [station, await offlineBundle(services, station, name)],
      [elsewhere, await offlineBundle(services, elsewhere, name)],
    ] as const;
    const deliveries = bundles.flatMap(([by, bundle]) =>
      [1, 2, 3].map(async () => deliver(await made(bundle), by)),
    );
    const settled = await Promise.allSettled(deliveries);
    for (const one of settled) if (one.status === 'rejected') is('order-full')(one.reason);
    assert.deepEqual(await counts(name), [3, 3, 0]);
  });

  test('a module that was confirmed with a bundle of its own takes no receipt over another', async () => {
    const name = await order();
    const bundle = await offlineBundle(services, station, name);
    const device = new Device();
    const entry = await made(bundle, device);
    const { module, bundle: own } = await registerModule(services, station, { ...entry, receipt: undefined });
    const receipt = device.receipt('provisioned', module.bundle_jti, { dig: digest(own) });
    await uploaded(services, station, receipt);
    await assert.rejects(deliver(entry), is('receipt-unknown'));
  });

  test('a closed order takes nothing, and nothing is counted', async () => {
    const name = await order();
    const entry = await made(await offlineBundle(services, station, name));
    await closeOrder(name, 'done', olga, services);
    await assert.rejects(deliver(entry), is('order-closed'));
    await assert.rejects(deliver(entry, caller(['officer'], 'olga')), is('order-closed'));
    assert.deepEqual(await counts(name), [0, 0, 0]);
  });
});
