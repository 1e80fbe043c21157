import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import { listUnlocks, lookAtUnlock } from '../../../server/decisions/look.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { lapseOf, sweep } from '../../../server/decisions/sweep.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { startScene } from '../../fixture/scene.ts';
import { provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, services, alice, station } = await startScene();
after(() => server.stop());

const never = () => new AbortController().signal;
const look = (id: string) => lookAtUnlock(services, alice, id, { wait: 0 }, never);

const row = {
  ...{ id: 'id', hwid: 'QC-0001-0001', deadline: '2026-01-01T01:00:00.000Z', granted: 900 },
  issued: '2026-01-01T00:00:00.000Z',
};
const lapses = [
  ['ready', '2026-01-01T00:59:59.999Z', undefined],
  ['ready', '2026-01-01T01:00:00.000Z', 'expired'],
  ['waiting', '2026-01-01T01:00:00.000Z', 'expired'],
  ['issued', '2026-01-01T00:24:59.999Z', undefined],
  ['issued', '2026-01-01T00:25:00.000Z', 'unaccounted'],
  ['open', '2026-01-01T00:25:00.000Z', 'unaccounted'],
  ['closed', '2027-01-01T00:00:00.000Z', undefined],
  ['cancelled', '2027-01-01T00:00:00.000Z', undefined],
] as const;

for (const [state, now, expected] of lapses) {
  test(`${state}, at ${now}: ${expected ?? 'stays'} (DESIGN §6: the deadline; 600 s + \`for\` after iat)`, () => {
    assert.equal(lapseOf({ ...row, state }, new Date(now)), expected);
  });
}

test('whoever looks at or lists a lapsed unlock sees it lapsed, and the event is there', async () => {
  const device = await provisioned(services, station);
  const [looked, listed] = [
    await requested(services, alice, device),
    await requested(services, alice, device),
  ];
  server.clock.advance(services.config.unlockDeadline * 1000);
  assert.equal((await look(looked)).state, 'expired');
  const { items } = await listUnlocks(services, alice, { limit: 50, hwid: device.hwid });
  assert.deepEqual(
    items.map(({ state }) => state),
    ['expired', 'expired'],
  );
  for (const unlock of [looked, listed]) {
    const { items: events } = await services.reader.search({ unlock, type: 'unlock.expired', limit: 9 });
    assert.equal(events.length, 1);
  }
});

test('a list by state is right although nobody looked at what lapsed', async () => {
  const device = await provisioned(services, station);
  await requested(services, alice, device);
  server.clock.advance(services.config.unlockDeadline * 1000);
  const { items } = await listUnlocks(services, alice, { limit: 50, hwid: device.hwid, state: 'ready' });
  assert.deepEqual(items, []);
});

test('the sweeper settles what nobody looks at, once', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  await sweep(services);
  server.clock.advance((600 + 900) * 1000);
  assert.ok((await sweep(services)) >= 1);
  assert.equal(await sweep(services), 0);
  const state = await services.read
    .selectFrom('unlocks')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirst();
  assert.equal(state?.state, 'unaccounted');
});

test('an expired unlock gets no token, an unaccounted one no password', async () => {
  const device = await provisioned(services, station);
  const late = await requested(services, alice, device);
  server.clock.advance(services.config.unlockDeadline * 1000);
  const challenge = await device.challenge();
  await assert.rejects(issueToken(services, alice, late, challenge), isState('expired'));
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, challenge);
  server.clock.advance((600 + 900) * 1000);
  await assert.rejects(revealPassword(services, alice, id), (error) => error instanceof Problem);
  assert.equal((await look(id)).state, 'unaccounted');
});

test('an unaccounted unlock is decided by a closing receipt', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  server.clock.advance((600 + 900) * 1000);
  assert.equal((await look(id)).state, 'unaccounted');
  assert.equal(await uploaded(services, alice, device.receipt('opened', id)), 'unaccounted');
  assert.equal(await uploaded(services, alice, device.receipt('closed', id, { elapsed: 300 })), 'closed');
  assert.equal((await look(id)).elapsed, 300);
});

test('an unaccounted unlock is decided by a later `last` that is older than its token: never opened', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  server.clock.advance((600 + 900) * 1000);
  assert.equal((await look(id)).state, 'unaccounted');
  const next = await requested(services, alice, device);
  await issueToken(services, alice, next, await device.challenge());
  assert.equal((await look(id)).state, 'expired');
});

test('a later `last` that is newer leaves it unaccounted: it may have been opened before', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  server.clock.advance((600 + 900) * 1000);
  device.last = id;
  const next = await requested(services, alice, device);
  await issueToken(services, alice, next, await device.challenge());
  assert.equal((await look(id)).state, 'unaccounted');
  device.last = next;
  await uploaded(services, alice, device.receipt('closed', next));
  const third = await requested(services, alice, device);
  await issueToken(services, alice, third, await device.challenge());
  assert.equal((await look(id)).state, 'unaccounted');
});

function isState(state: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.deepEqual([error.code, error.extensions['state']], ['unlock-state', state]);
    return true;
  };
}
