import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Clock } from '../../module/simulator/clock.ts';
import { Engine } from '../../module/simulator/engine.ts';
import type { Service } from '../../module/simulator/service.ts';
import { dataCommands } from '../../protocol/at/command.ts';
import type { Challenge } from '../../protocol/messages.ts';
import { ManualClock } from './clock.ts';
import { testIssuer } from './issuer.ts';
import { TestStore } from './simulated.ts';

const issuer = await testIssuer();

/** A provisioned module around a service and a clock of the test's own. */
async function provisioned(
  service: Service,
  manual: ManualClock,
  { clock = manual, store = new TestStore() }: { clock?: Clock; store?: TestStore } = {},
) {
  const engine = await Engine.boot({
    hwid: 'LTE4-00A1B2C3D4E5',
    imei: '490154203237518',
    firmware: 'test 1',
    roots: issuer.firmware,
    store,
    service,
    clock,
    random: randomBytes,
    indicate: () => {},
  });
  const upload = async (message: string) => {
    for (const command of dataCommands(message)) await engine.execute(command);
  };
  /** Puts a token for `seconds` in the data. */
  const prepare = async (seconds: number) => {
    manual.advance(2000);
    const [answer] = await engine.execute({ verb: 'challenge', scope: 'console', for: seconds });
    assert.ok(answer?.kind === 'challenge');
    const payload = Buffer.from(answer.jws.split('.')[1] ?? '', 'base64url').toString();
    await upload(await issuer.token(JSON.parse(payload) as Challenge));
  };
  const state = async () => {
    const [answer] = await engine.execute({ verb: 'state' });
    return answer?.kind === 'state' ? answer.state : undefined;
  };
  await upload(await issuer.manifest({ ver: 1 }));
  await engine.execute({ verb: 'keys' });
  await upload(await issuer.bundle());
  await engine.execute({ verb: 'provision' });
  return { engine, prepare, state };
}

test('one command is worked on at a time: a lock waits for the unlock before it', async () => {
  const starting: (() => void)[] = [];
  const service: Service = {
    start: () => new Promise((resolve) => void starting.push(resolve)),
    stop: async () => {},
  };
  const { engine, prepare, state } = await provisioned(service, new ManualClock());
  await prepare(60);
  const unlocking = engine.execute({ verb: 'unlock' });
  const locking = engine.execute({ verb: 'lock' });
  while (starting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  starting[0]?.();
  assert.equal((await unlocking)[0]?.kind, 'open');
  assert.equal((await locking)[0]?.kind, 'locked');
  assert.equal(await state(), 'locked');
});

test('a session whose opening cannot be recorded does not stay open: 914, refused/storage (section 4)', async () => {
  let running = false;
  const store = new TestStore();
  const service: Service = {
    async start() {
      running = true;
      store.failing = true;
    },
    async stop() {
      running = false;
    },
  };
  const { engine, prepare, state } = await provisioned(service, new ManualClock(), { store });
  await prepare(60);
  await assert.rejects(engine.execute({ verb: 'unlock' }), { name: 'Refusal', code: 914 });
  assert.deepEqual([running, await state()], [false, 'locked']);
  const kept = await engine.execute({ verb: 'receipts', after: 2 });
  const whys = kept.map((answer) => (answer.kind === 'receipt' ? answer.jws.split('.')[1] : undefined) ?? '');
  assert.deepEqual(
    whys.map((payload) => JSON.parse(Buffer.from(payload, 'base64url').toString()).why),
    ['storage'],
  );
});

test('a token that was accepted and leads to nothing has its refused receipt once there is a number for it (section 5.3)', async () => {
  const store = new TestStore();
  const service: Service = {
    async start() {
      store.failing = true;
      throw new Error('exec format error');
    },
    stop: async () => {},
  };
  const manual = new ManualClock();
  const { engine, prepare } = await provisioned(service, manual, { store });
  // 1 is the `provisioned` receipt's, and 256 are reserved.
  for (let seq = 2; seq < 256; seq++) {
    manual.advance(2000);
    await engine.execute({ verb: 'challenge', scope: 'console', for: 60 });
  }
  await prepare(60);
  await assert.rejects(engine.execute({ verb: 'unlock' }), { name: 'Refusal', code: 913 });
  assert.deepEqual(await engine.execute({ verb: 'receipts', after: 1 }), []);
  store.failing = false;
  manual.advance(10_000);
  const [answer] = await engine.execute({ verb: 'receipts', after: 1 });
  assert.ok(answer?.kind === 'receipt');
  const payload = Buffer.from(answer.jws.split('.')[1] ?? '', 'base64url').toString();
  assert.deepEqual([JSON.parse(payload).event, JSON.parse(payload).why], ['refused', 'service']);
});

test('the end of a service that was replaced does not close the session after it', async () => {
  const ends: (() => void)[] = [];
  const service: Service = {
    async start(_, ended) {
      ends.push(ended);
    },
    stop: async () => {},
  };
  const { engine, prepare, state } = await provisioned(service, new ManualClock());
  await prepare(60);
  await engine.execute({ verb: 'unlock' });
  await prepare(60);
  await engine.execute({ verb: 'unlock' });
  ends[0]?.();
  assert.equal(await state(), 'open');
  ends[1]?.();
  assert.equal(await state(), 'locked');
});

test('a session whose timer is late is over all the same (section 4)', async () => {
  const manual = new ManualClock();
  const late: Clock = { now: () => manual.now(), after: () => () => {} };
  const service: Service = { start: async () => {}, stop: async () => {} };
  const { engine, prepare, state } = await provisioned(service, manual, { clock: late });
  await prepare(60);
  await engine.execute({ verb: 'unlock' });
  manual.advance(59_999);
  assert.equal(await state(), 'open');
  manual.advance(1);
  assert.equal(await state(), 'locked');
});
