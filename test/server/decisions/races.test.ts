import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Problem } from '../../../protocol/problems.ts';
import { cancelUnlock } from '../../../server/decisions/cancel.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { requestUnlock } from '../../../server/decisions/request.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { suspend, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { startScene } from '../../fixture/scene.ts';
import { once, provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

/** Everything here runs at once over one real log: there is one clear winner, and the other is told why. */

const ROUNDS = 12;

const { server, services, alice, bob, station, olga } = await startScene();
after(() => server.stop());

/** The values of those that succeeded, the codes of those that were refused. */
async function race<T>(...calls: Promise<T>[]): Promise<{ won: T[]; told: Problem[] }> {
  const settled = await Promise.allSettled(calls);
  const told = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  for (const reason of told) assert.ok(reason instanceof Problem, String(reason?.stack));
  return { won: settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])), told };
}

async function events(type: string, query: { unlock?: string; hwid?: string }) {
  return (await services.reader.search({ ...query, type, limit: 100 })).items.length;
}

test('two engineers and one module: the later challenge wins, the other’s unlock is over or told who holds it', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const [alices, bobs] = [await requested(services, alice, device), await requested(services, bob, device)];
    const [earlier, later] = [await device.challenge(), await device.challenge()];
    await race(issueToken(services, alice, alices, earlier), issueToken(services, bob, bobs, later));
    const rows = await services.read
      .selectFrom('unlocks')
      .select(['id', 'state'])
      .where('hwid', '=', device.hwid)
      .execute();
    assert.equal(rows.filter(({ state }) => state === 'issued').length, 1, JSON.stringify(rows));
  }
});

test('two engineers, one open module: both are told who holds it', async () => {
  const device = await provisioned(services, station);
  const held = await requested(services, alice, device);
  await issueToken(services, alice, held, await device.challenge());
  device.last = held;
  await uploaded(services, alice, device.receipt('opened', held));
  const [one, two] = [await requested(services, alice, device), await requested(services, bob, device)];
  const [first, second] = [await device.challenge(), await device.challenge()];
  const { told } = await race(
    issueToken(services, alice, one, first),
    issueToken(services, bob, two, second),
  );
  assert.deepEqual(
    told.map(({ code, extensions }) => [code, extensions['holder']]),
    [
      ['module-in-use', 'alice'],
      ['module-in-use', 'alice'],
    ],
  );
});

test('one engineer twice with the same challenge: one token, the same bytes for both', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const id = await requested(services, alice, device);
    const challenge = await device.challenge();
    const { won } = await race(
      issueToken(services, alice, id, challenge),
      issueToken(services, alice, id, challenge),
    );
    assert.equal(won.length, 2);
    assert.equal(won[0]?.token, won[1]?.token);
    assert.equal(await events('unlock.issued', { unlock: id }), 1);
  }
});

test('one nonce for two unlocks in parallel: granted once (order rule 2)', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const ids = [await requested(services, alice, device), await requested(services, alice, device)] as const;
    const challenge = await device.challenge();
    const { won, told } = await race(
      issueToken(services, alice, ids[0], challenge),
      issueToken(services, alice, ids[1], challenge),
    );
    assert.equal(won.length, 1);
    assert.deepEqual(
      told.map(({ code }) => code),
      ['challenge-spent'],
    );
    assert.equal(await events('unlock.issued', { hwid: device.hwid }), 1);
  }
});

test('cancel against token: either the token is out or the unlock is cancelled', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const id = await requested(services, alice, device);
    const challenge = await device.challenge();
    const calls = [issueToken(services, alice, id, challenge), cancelUnlock(services, alice, id)];
    const { won, told } = await race<{ unlock: { state: string } }>(
      ...(round % 2 === 0 ? calls : calls.reverse()),
    );
    assert.equal(won.length, 1);
    const [outcome] = won;
    const [loser] = told;
    assert.equal(loser?.code, 'unlock-state');
    assert.equal(loser?.extensions['state'], outcome?.unlock.state);
  }
});

test('suspend against token: no token is issued after the suspension', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const id = await requested(services, alice, device);
    const challenge = await device.challenge();
    await race<unknown>(
      issueToken(services, alice, id, challenge),
      tend(services, olga, device.hwid, suspend, 'stolen'),
    );
    const { items } = await services.reader.search({ hwid: device.hwid, limit: 100 });
    const types = items.map(({ event }) => event.type);
    const [issued, suspended] = [types.indexOf('unlock.issued'), types.indexOf('module.suspended')];
    assert.ok(issued < suspended, types.join(' '));
  }
});

test('reveal against replacement: a token without a password never follows the reveal of the one in force', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const device = await provisioned(services, station);
    const id = await requested(services, alice, device);
    await issueToken(services, alice, id, await device.challenge());
    const challenge = await device.challenge();
    await race<unknown>(issueToken(services, alice, id, challenge), revealPassword(services, alice, id));
    const { items } = await services.reader.search({ unlock: id, limit: 100 });
    let revealed = 0;
    for (const { event } of items) {
      if (event.type === 'password.revealed') revealed = event.ver;
      if (event.type === 'unlock.issued' && revealed > 0) assert.equal(event.pw, revealed + 1);
    }
  }
});

test('one request twice with the same Idempotency-Key: one unlock', async () => {
  const device = await provisioned(services, station);
  const asked = { hwid: device.hwid, scope: 'console', seconds: 60, reason: 'does not register' } as const;
  const key = once();
  const { won } = await race(...[1, 2, 3].map(() => requestUnlock(services, alice, asked, key)));
  assert.equal(new Set(won.map(({ unlock }) => unlock.id)).size, 1);
  assert.equal(won.filter(({ log }) => log !== null).length, 1);
});

test('two stations register one module: the same bundle; two device keys: one is a suspected clone', async () => {
  const device = new Device();
  const order = await orderOf(services, station);
  const asked = { hwid: device.hwid, key: device.key, order };
  const { won } = await race(
    registerModule(services, station, asked),
    registerModule(services, station, asked),
  );
  assert.equal(new Set(won.map(({ bundle }) => bundle)).size, 1);
  assert.equal(won.filter(({ log }) => log !== null).length, 1);

  const twins = [new Device('QC-TWIN-0001'), new Device('QC-TWIN-0001')];
  const both = twins.map(({ hwid, key }) => registerModule(services, station, { hwid, key, order }));
  const { told } = await race(...both);
  assert.deepEqual(
    told.map(({ code }) => code),
    ['module-exists'],
  );
  assert.equal(await events('module.clone-suspected', { hwid: 'QC-TWIN-0001' }), 1);
});
