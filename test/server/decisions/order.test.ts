import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import type { Commit } from '../../../server/context.ts';
import { cancelUnlock } from '../../../server/decisions/cancel.ts';
import { takeReceipts } from '../../../server/decisions/receive.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { requestUnlock } from '../../../server/decisions/request.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { Sqlite } from '../../../sqlite/driver.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { once, provisioned, requested } from '../../fixture/unlocks.ts';

const { server, services, alice, station } = await startScene();
after(() => server.stop());

const asked = { scope: 'console', seconds: 60, reason: 'does not register' } as const;

test('while the log cannot be written nothing is granted, and nothing has changed afterwards (order rule 3)', async () => {
  const device = await provisioned(services, station);
  const [open, ready] = [await requested(services, alice, device), await requested(services, alice, device)];
  await issueToken(services, alice, open, await device.challenge());
  const other = await provisioned(services, station);
  const fresh = await requested(services, alice, other);
  const [challenge, closing] = [await other.challenge(), await device.receipt('closed', open)];
  const newcomer = new Device();
  const order = await orderOf(services, station);
  const stood = await everything();

  const hog = new Sqlite(join(server.dir, 'data', 'latchkey.db'));
  hog.exec('begin exclusive');
  const calls = [
    issueToken(services, alice, fresh, challenge),
    revealPassword(services, alice, open),
    registerModule(services, station, { hwid: newcomer.hwid, key: newcomer.key, order }),
    requestUnlock(services, alice, { ...asked, hwid: device.hwid }, once()),
    cancelUnlock(services, alice, ready),
    takeReceipts(services, alice, [closing]),
  ];
  const settled = await Promise.allSettled(calls);
  hog.close();
  for (const one of settled) {
    assert.ok(one.status === 'rejected' && one.reason instanceof Problem, JSON.stringify(one));
    assert.equal(one.reason.code, 'log-unavailable');
  }
  assert.deepEqual(await everything(), stood);
  const { token } = await issueToken(services, alice, fresh, challenge);
  assert.ok(token);
});

test('a fault inside a commit undoes its state and its event together (order rule 4)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  const challenge = await device.challenge();
  const stood = await everything();
  const faulty = { ...services, commit: failingAppend(services.commit) };
  const settled = await Promise.allSettled([
    issueToken(faulty, alice, id, challenge),
    cancelUnlock(faulty, alice, id),
    requestUnlock(faulty, alice, { ...asked, hwid: device.hwid }, once()),
  ]);
  for (const one of settled)
    assert.match(one.status === 'rejected' ? String(one.reason) : '', /of this test/);
  assert.deepEqual(await everything(), stood);
});

test('a token leaves only once its event is in the log under a signed checkpoint (order rule 1)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  const { log } = await issueToken(services, alice, id, await device.challenge());
  assert.ok(log);
  const { checkpoint, leaves } = await services.reader.prove([log.index]);
  assert.ok(Number(checkpoint.split('\n')[1]) >= log.size);
  assert.equal(JSON.parse(Buffer.from(leaves[0]?.leaf ?? []).toString()).type, 'unlock.issued');
});

/** Commits in which the event, which comes last, cannot be appended. */
function failingAppend(commit: Commit): Commit {
  const append = () => Promise.reject(new Error('the fault of this test'));
  return (author, fn) => commit(author, ({ db }) => fn({ db, append }));
}

/** What the tables and the log say. */
async function everything() {
  const { read } = services;
  return {
    modules: await read.selectFrom('modules').selectAll().execute(),
    passwords: await read.selectFrom('passwords').selectAll().execute(),
    unlocks: await read.selectFrom('unlocks').selectAll().execute(),
    grants: await read.selectFrom('grants').selectAll().execute(),
    receipts: await read.selectFrom('receipts').selectAll().execute(),
    head: await read.selectFrom('log_head').selectAll().execute(),
  };
}
