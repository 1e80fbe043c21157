import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { listDoubts } from '../../../server/decisions/doubts.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { retire, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, services, alice, station, olga } = await startScene();
after(() => server.stop());

/** Why the module's password is in doubt; undefined where it is not. */
async function doubt({ hwid }: Device) {
  const { items } = await listDoubts(services, { limit: 500 });
  return items.find((one) => one.hwid === hwid)?.why;
}

async function token(device: Device): Promise<string> {
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  return id;
}

/** A module whose version 1 was shown, and the unlock whose token carries version 2. */
async function rotating(): Promise<{ device: Device; id: string; before: string }> {
  const device = await provisioned(services, station);
  const before = await token(device);
  await revealPassword(services, alice, before);
  device.last = before;
  await uploaded(services, alice, device.receipt('closed', before));
  assert.equal(await doubt(device), undefined);
  return { device, id: await token(device), before };
}

/** The module has taken the token of `id`. */
function takes(device: Device, id: string): void {
  device.last = id;
  device.pwv = 2;
}

test('a password that a token carries is in doubt until the module speaks of that unlock (DESIGN section 6, Passwords)', async () => {
  const { device, id } = await rotating();
  const { items } = await listDoubts(services, { limit: 500, why: 'unanswered' });
  const { why, reported, sent, unlock } = items.find(({ hwid }) => hwid === device.hwid) ?? {};
  assert.deepEqual([why, reported, sent, unlock], ['unanswered', 1, 2, id]);
  takes(device, id);
  await uploaded(services, alice, device.receipt('opened', id));
  assert.equal(await doubt(device), undefined);
});

test('a receipt of another session says nothing of the token that is out: it may be taken after it', async () => {
  const { device, before } = await rotating();
  await uploaded(services, alice, device.receipt('closed', before, { why: 'timeout' }));
  assert.equal(await doubt(device), 'unanswered');
});

test('whatever a receipt is about, the version that the token brought, or a later one, settles it', async () => {
  const { device, id, before } = await rotating();
  takes(device, id);
  await uploaded(services, alice, device.receipt('closed', before, { why: 'timeout' }));
  assert.equal(await doubt(device), undefined);
});

test('a refusal of the token settles it: the old version stays in force', async () => {
  const { device, id } = await rotating();
  await uploaded(services, alice, device.receipt('refused', id));
  assert.equal(await doubt(device), undefined);
});

test('a receipt that comes late, made before the newest word, settles nothing', async () => {
  const { device, id } = await rotating();
  await uploaded(services, alice, device.receipt('refused', id, { seq: 1 }));
  assert.equal(await doubt(device), 'unanswered');
});

test('the next challenge settles it, also where no receipt ever came', async () => {
  const { device, id } = await rotating();
  takes(device, id);
  server.clock.advance(4_000_000);
  await token(device);
  assert.equal(await doubt(device), undefined);
});

test('a version 0, and one that was never sent, are in doubt until a token’s password is in force', async () => {
  for (const [pwv, why] of [
    [0, 'no-password'],
    [9, 'not-held'],
  ] as const) {
    const { device, id } = await rotating();
    await uploaded(services, alice, device.receipt('closed', id, { pwv }));
    device.pwv = pwv;
    device.last = id;
    assert.equal(await doubt(device), why);
    const next = await token(device);
    assert.equal(await doubt(device), 'unanswered');
    device.pwv = Math.max(2, pwv) + 1;
    await uploaded(services, alice, device.receipt('opened', next));
    assert.equal(await doubt(device), undefined);
  }
});

test('a module that names a lower version than before was set back, until it has a fresh one', async () => {
  const { device, id } = await rotating();
  takes(device, id);
  await uploaded(services, alice, device.receipt('closed', id));
  await server.store.write
    .updateTable('passwords')
    .set({ revealed: null })
    .where('hwid', '=', device.hwid)
    .execute();
  device.pwv = 1;
  const next = await token(device);
  assert.equal(await doubt(device), 'went-back');
  await uploaded(services, alice, device.receipt('opened', next));
  assert.equal(await doubt(device), 'went-back', 'the same version again is the same doubt');
  await server.store.write
    .updateTable('passwords')
    .set({ revealed: 'then' })
    .where('hwid', '=', device.hwid)
    .where('ver', '=', 1)
    .execute();
  await uploaded(services, alice, device.receipt('closed', next));
  device.last = next;
  const last = await token(device);
  device.pwv = 3;
  await uploaded(services, alice, device.receipt('opened', last));
  assert.equal(await doubt(device), undefined);
});

test('nothing hangs on the password of a retired module; registered anew, it has a new one', async () => {
  const { device } = await rotating();
  await tend(services, olga, device.hwid, retire, 'returned');
  assert.equal(await doubt(device), undefined);
  const order = await orderOf(services, station);
  await registerModule(services, station, { hwid: device.hwid, key: new Device().key, order });
  assert.equal(await doubt(device), undefined);
});

test('doubtful modules are listed by hardware ID, page by page; for officers and auditors', async () => {
  const made = [(await rotating()).device.hwid, (await rotating()).device.hwid].sort();
  const all = (await listDoubts(services, { limit: 500 })).items.map(({ hwid }) => hwid);
  assert.deepEqual(
    all.filter((hwid) => made.includes(hwid)),
    made,
  );
  const first = await listDoubts(services, { limit: 1 });
  assert.deepEqual([first.items.map(({ hwid }) => hwid), first.next], [all.slice(0, 1), all[0]]);
  const rest = await listDoubts(services, { limit: 500, after: first.next ?? '' });
  assert.deepEqual(
    rest.items.map(({ hwid }) => hwid),
    all.slice(1),
  );
  const statusFor = async (role: 'officer' | 'auditor' | 'engineer' | 'station') =>
    (await (await server.client(role)).get('/v1/passwords/doubtful')).status;
  assert.deepEqual(
    await Promise.all((['officer', 'auditor', 'engineer', 'station'] as const).map(statusFor)),
    [200, 200, 403, 403],
  );
});
