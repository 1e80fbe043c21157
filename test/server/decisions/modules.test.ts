import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { keyObject } from '../../../protocol/jwk.ts';
import { verifyMessage } from '../../../protocol/jws.ts';
import { bundle as bundleMessage } from '../../../protocol/messages.ts';
import { Problem, type ProblemCode } from '../../../protocol/problems.ts';
import { confirmModule } from '../../../server/decisions/confirm.ts';
import { listModules } from '../../../server/decisions/look.ts';
import { takeReceipts } from '../../../server/decisions/receive.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { requestUnlock } from '../../../server/decisions/request.ts';
import { clear, resetSeq, resume, retire, suspend, tend } from '../../../server/decisions/tend.ts';
import { Device } from '../../fixture/device.ts';
import { ordered, orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { digest, once, provisioned } from '../../fixture/unlocks.ts';

const { server, services, alice, station, olga } = await startScene();
after(() => server.stop());

function is(code: ProblemCode) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

const order = await orderOf(services, station);
const register = ({ hwid, key }: Device) => registerModule(services, station, { hwid, key, order });
const events = async (hwid: string, type: string) =>
  (await services.reader.search({ hwid, type, limit: 100 })).items.length;
async function isSuspected(hwid: string): Promise<boolean> {
  const { items } = await listModules(services, { limit: 500, suspected: 'true' });
  return items.some((one) => one.hwid === hwid && one.suspected !== null);
}

describe('registering (DESIGN §6)', () => {
  test('the bundle is the issuer’s word to this module and key, with the hash of password version 1', async () => {
    const device = new Device();
    const { bundle, module } = await register(device);
    const [issuer] = services.keys.issuers;
    assert.ok(issuer);
    const claims = verifyMessage(bundleMessage, bundle, (kid) =>
      kid === issuer.kid ? keyObject(issuer.jwk) : undefined,
    );
    assert.deepEqual([claims.sub, claims.dkt, claims.jti], [device.hwid, device.dkt, module.bundle_jti]);
    assert.equal(claims.pw?.ver, 1);
    assert.equal(module.state, 'registered');
  });

  test('again, hours later: the same bytes, and nothing is written', async () => {
    const device = new Device();
    const first = await register(device);
    server.clock.advance(3_600_000);
    const again = await register(device);
    assert.deepEqual([again.bundle, again.log], [first.bundle, null]);
    assert.equal(await events(device.hwid, 'module.registered'), 1);
  });

  test('the same hardware ID with another device key: a suspected clone, and refused', async () => {
    const device = await provisioned(services, station);
    await assert.rejects(register(new Device(device.hwid)), is('module-exists'));
    assert.equal(await events(device.hwid, 'module.clone-suspected'), 1);
    assert.ok(await isSuspected(device.hwid));
  });

  test('the same device key with another hardware ID: a suspected clone, and refused', async () => {
    const { hwid, key } = await provisioned(services, station);
    const asked = { hwid: 'QC-OTHER-0001', key, order };
    await assert.rejects(registerModule(services, station, asked), is('module-exists'));
    assert.equal(await events('QC-OTHER-0001', 'module.clone-suspected'), 1);
    assert.ok(await isSuspected(hwid));
  });

  test('a suspected clone is shown to officers until one has cleared or retired the module', async () => {
    for (const [verb, words] of [
      [clear, 'the station mixed up two labels'],
      [retire, 'returned by the customer'],
    ] as const) {
      const { hwid } = await provisioned(services, station);
      await assert.rejects(register(new Device(hwid)), is('module-exists'));
      const { module } = await tend(services, olga, hwid, verb, words);
      assert.deepEqual([module.suspected, await isSuspected(hwid)], [null, false]);
    }
  });

  test('suspended or retired, it gets its bundle no more: nothing is granted to it', async () => {
    for (const state of ['suspended', 'retired'] as const) {
      await assert.rejects(register(await moduleIn(state)), is('module-inactive'), state);
    }
  });

  test('coordinates that are no point of P-256 are refused', async () => {
    const { key } = new Device();
    const asked = { hwid: 'QC-NOPOINT-1', key: { x: key.y, y: key.x }, order };
    await assert.rejects(registerModule(services, station, asked), is('invalid-request'));
  });
});

describe('confirming (DESIGN §6)', () => {
  test('by the module’s receipt over this very bundle; again, nothing changes', async () => {
    const device = new Device();
    const { module, bundle } = await register(device);
    const receipt = await device.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
    const first = await confirmModule(services, station, device.hwid, receipt);
    assert.deepEqual([first.module.state, first.module.pwv], ['confirmed', 1]);
    const again = await confirmModule(services, station, device.hwid, receipt);
    assert.deepEqual([again.module.state, again.log], ['confirmed', null]);
    assert.equal(await events(device.hwid, 'module.confirmed'), 1);
  });

  test('a receipt over other bytes, of another bundle, or of another module confirms nothing', async () => {
    const device = new Device();
    const { module, bundle } = await register(device);
    const dig = digest(bundle);
    const jti = module.bundle_jti;
    const other = await provisioned(services, station);
    const wrong: [string, Promise<string>, ProblemCode][] = [
      ['dig', device.receipt('provisioned', jti, { dig: digest('x') }), 'receipt-unknown'],
      [
        'jti',
        device.receipt('provisioned', '01900000-0000-7000-8000-000000000001', { dig }),
        'receipt-unknown',
      ],
      ['sub', device.receipt('provisioned', jti, { dig, sub: other.hwid }), 'receipt-unknown'],
      ['signer', new Device(device.hwid).receipt('provisioned', jti, { dig }), 'receipt-unknown'],
      ['event', device.receipt('opened', jti), 'receipt-unknown'],
      ['form', Promise.resolve('a.b.c'), 'invalid-message'],
    ];
    for (const [what, receipt, code] of wrong) {
      await assert.rejects(confirmModule(services, station, device.hwid, await receipt), is(code), what);
    }
    const row = await services.read
      .selectFrom('modules')
      .select('state')
      .where('hwid', '=', device.hwid)
      .execute();
    assert.deepEqual(row, [{ state: 'registered' }]);
  });

  test('an unknown module is not there to be confirmed', async () => {
    const receipt = await new Device().receipt('opened', '01900000-0000-7000-8000-000000000001');
    await assert.rejects(confirmModule(services, station, 'QC-NOWHERE-1', receipt), is('module-unknown'));
  });
});

describe('what an officer does to a module (DESIGN §6)', () => {
  const steps = [
    ['registered', suspend, 'module-unconfirmed'],
    ['registered', resume, 'module-unconfirmed'],
    ['registered', retire, 'retired'],
    ['confirmed', suspend, 'suspended'],
    ['confirmed', resume, undefined],
    ['confirmed', retire, 'retired'],
    ['confirmed', clear, undefined],
    ['suspended', suspend, undefined],
    ['suspended', resume, 'confirmed'],
    ['suspended', retire, 'retired'],
    ['retired', suspend, 'module-inactive'],
    ['retired', resume, 'module-inactive'],
    ['retired', retire, undefined],
  ] as const;

  for (const [from, verb, to] of steps) {
    test(`${from}, ${verb.name}: ${to ?? 'is so already, nothing is written'}`, async () => {
      const device = await moduleIn(from);
      const done = tend(services, olga, device.hwid, verb, 'because');
      if (to === 'module-unconfirmed' || to === 'module-inactive') return assert.rejects(done, is(to));
      const { module, log } = await done;
      assert.deepEqual([module.state, log !== null], [to ?? from, to !== undefined]);
    });
  }

  test('nothing can be requested for a module that is not confirmed, or not in use', async () => {
    const codes = {
      registered: 'module-unconfirmed',
      suspended: 'module-inactive',
      retired: 'module-inactive',
    } as const;
    for (const [state, code] of Object.entries(codes)) {
      const { hwid } = await moduleIn(state as keyof typeof codes);
      const asked = { hwid, scope: 'console', seconds: 60, reason: 'does not register' } as const;
      await assert.rejects(requestUnlock(services, alice, asked, once()), is(code));
    }
  });

  test('a counter that was never used needs no reset', async () => {
    const device = new Device();
    await register(device);
    assert.equal((await tend(services, olga, device.hwid, resetSeq, 'because')).log, null);
  });
});

test('receipts have a result each: good ones count though others are refused, again they are known', async () => {
  const device = new Device();
  const { module, bundle } = await register(device);
  const good = await device.receipt('provisioned', module.bundle_jti, { dig: digest(bundle) });
  const stray = await device.receipt('opened', '01900000-0000-7000-8000-000000000001');
  const foreign = await new Device().receipt('opened', module.bundle_jti);
  const batch = ['not a receipt', stray, good, foreign];
  const { results } = await takeReceipts(services, alice, batch);
  assert.deepEqual(
    results.map(({ status, code }) => code ?? status),
    ['invalid-message', 'accepted', 'accepted', 'receipt-unknown'],
  );
  const again = await takeReceipts(services, alice, [good]);
  assert.deepEqual([again.results[0]?.status, again.log], ['known', null]);
});

test('the same words signed again are known; other words under the same number are refused', async () => {
  const device = new Device();
  const { module, bundle } = await register(device);
  const claims = { dig: digest(bundle), seq: 7 };
  const say = async (pwv: number) => {
    const receipt = await device.receipt('provisioned', module.bundle_jti, { ...claims, pwv });
    const [result] = (await takeReceipts(services, alice, [receipt])).results;
    return result?.code ?? result?.status;
  };
  assert.deepEqual([await say(1), await say(1), await say(2)], ['accepted', 'known', 'invalid-message']);
});

test('modules are listed by hardware ID, page by page, and found by IMEI, order and state', async () => {
  const order = await ordered(services, 'PO-2026-17', 3, [station.name]);
  const asked = ['QC-LIST-0003', 'QC-LIST-0001', 'QC-LIST-0002'].map((hwid, place) => ({
    ...{ hwid, key: new Device().key, order },
    ...(place === 1 && { imei: '490154203237518' }),
  }));
  for (const one of asked) await registerModule(services, station, one);
  const first = await listModules(services, { limit: 2, order });
  assert.deepEqual(
    first.items.map(({ hwid }) => hwid),
    ['QC-LIST-0001', 'QC-LIST-0002'],
  );
  const rest = await listModules(services, { limit: 2, order, after: first.next ?? '' });
  assert.deepEqual([rest.items.map(({ hwid }) => hwid), rest.next], [['QC-LIST-0003'], null]);
  const byImei = await listModules(services, { limit: 50, imei: '490154203237518' });
  assert.deepEqual(
    byImei.items.map(({ hwid }) => hwid),
    ['QC-LIST-0001'],
  );
  assert.deepEqual((await listModules(services, { limit: 50, order, state: 'confirmed' })).items, []);
});

/** A module in the given state. */
async function moduleIn(state: 'registered' | 'confirmed' | 'suspended' | 'retired'): Promise<Device> {
  if (state === 'registered') {
    const device = new Device();
    await register(device);
    return device;
  }
  const device = await provisioned(services, station);
  const verb = { confirmed: resume, suspended: suspend, retired: retire }[state];
  await tend(services, olga, device.hwid, verb, 'for the test');
  return device;
}
