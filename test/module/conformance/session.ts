import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench } from '../bench.ts';
import { newJti, someHash } from '../issuer.ts';
import type { MakeModule } from '../under-test.ts';

/** A module that is open, after it has given the last number that is reserved on flash (section 6.3). */
async function numberless(make: MakeModule) {
  const { bench, asked } = await Bench.opened(make, 'console', 3600);
  const { jti } = await bench.lastReceipt();
  let latest = asked;
  while (latest.seq < 256) latest = await bench.challenge();
  return { bench, jti, latest };
}

/** The same once it has been locked with flash that fails, as it does from now on: its `closed` receipt is owed. */
async function owing(make: MakeModule) {
  const scene = await numberless(make);
  scene.bench.module.fail('flash');
  assert.equal(await scene.bench.refusal({ verb: 'lock' }), 914);
  return scene;
}

/** What makes a receipt that is owed once flash works again. */
const settling: Readonly<Record<string, (bench: Bench) => Promise<unknown>>> = {
  'within ten seconds': ({ module }) => module.advance(10),
  'when the module is locked again': (bench) => bench.one('locked', { verb: 'lock' }),
  'when the agent is stopped': ({ module }) => module.restart(),
};

/** How a session ends, each way with its receipt; and what is left when flash or service fails. */
export function session(make: MakeModule): void {
  test('lock ends the session and says how long it was (section 5)', async () => {
    const { bench } = await Bench.opened(make);
    const { jti } = await bench.lastReceipt();
    await bench.module.advance(61.9);
    const { receipt } = await bench.one('locked', { verb: 'lock' });
    const claims = bench.read(receipt);
    assert.deepEqual([claims.jti, claims.event, claims.why, claims.elapsed], [jti, 'closed', 'lock', 61]);
    assert.equal(bench.module.running(), undefined);
    assert.deepEqual([(await bench.state()).state, (await bench.state()).remaining], ['locked', 0]);
    assert.deepEqual(await bench.ask({ verb: 'lock' }), [], 'locked already: OK');
    await bench.module.advance(10_000);
    assert.deepEqual(
      [await bench.history(), bench.module.unsolicited()],
      ['provisioned opened closed/lock', []],
    );
  });

  test('the module locks itself when the time is over, and says so unasked (sections 4 and 5)', async () => {
    const { bench } = await Bench.opened(make, 'console', 900);
    await bench.module.advance(899.9);
    assert.deepEqual([(await bench.state()).remaining, bench.module.unsolicited()], [1, []]);
    await bench.module.advance(0.1);
    assert.equal(bench.module.running(), undefined);
    assert.deepEqual(bench.module.unsolicited(), ['+QLATCHIND: "locked","timeout"']);
    const { event, why, elapsed } = await bench.lastReceipt();
    assert.deepEqual([event, why, elapsed], ['closed', 'timeout', 900]);
    assert.equal((await bench.state()).state, 'locked');
  });

  test('a token while open closes the session first (section 4)', async () => {
    const { bench } = await Bench.opened(make, 'console', 900);
    const first = await bench.lastReceipt();
    const asked = await bench.challenge('ssh', 60);
    await bench.module.advance(30);
    await bench.give('unlock', await bench.issuer.token(asked));
    const [closed, opened] = await bench.receipts(asked.seq);
    assert.deepEqual([closed?.jti, closed?.why, closed?.elapsed], [first.jti, 'replaced', 32]);
    assert.deepEqual([opened?.event, bench.module.running()], ['opened', 'ssh']);
    await bench.module.advance(900);
    assert.equal(bench.module.unsolicited().length, 1, 'the first session no longer times out');
  });

  test('a token that is refused leaves an open session alone, through a reboot too (section 4)', async () => {
    const { bench } = await Bench.opened(make);
    const { jti } = await bench.lastReceipt();
    const asked = await bench.challenge();
    await bench.refuse('unlock', await bench.issuer.token(asked, { sub: 'LTE4-OTHER' }), 903);
    assert.deepEqual([(await bench.state()).state, bench.module.running()], ['open', 'console']);
    await bench.module.reboot();
    const last = await bench.lastReceipt();
    assert.deepEqual([last.jti, last.why], [jti, 'reboot']);
  });

  test('reboot locks, with a closed/reboot receipt whose elapsed is not known (section 4)', async () => {
    const { bench } = await Bench.opened(make);
    const { jti } = await bench.lastReceipt();
    await bench.module.advance(100);
    await bench.module.reboot();
    const last = await bench.lastReceipt();
    assert.deepEqual([last.jti, last.event, last.why, last.elapsed], [jti, 'closed', 'reboot', 0]);
    assert.deepEqual([(await bench.state()).state, bench.module.running()], ['locked', undefined]);
    await bench.module.reboot();
    assert.equal(await bench.history(), 'provisioned opened closed/reboot', 'once');
  });

  test('an agent that is stopped closes the session: closed/stop (section 4)', async () => {
    const { bench } = await Bench.opened(make);
    await bench.module.advance(5);
    await bench.module.restart();
    const { why, elapsed } = await bench.lastReceipt();
    assert.deepEqual([why, elapsed, (await bench.state()).state], ['stop', 5, 'locked']);
  });

  test('a service that ends by itself closes the session: closed/service (section 4)', async () => {
    const { bench } = await Bench.opened(make);
    await bench.module.advance(5);
    await bench.module.endService();
    const { event, why, elapsed } = await bench.lastReceipt();
    assert.deepEqual([event, why, elapsed, (await bench.state()).state], ['closed', 'service', 5, 'locked']);
    await bench.module.endService();
    assert.equal(await bench.history(), 'provisioned opened closed/service', 'once');
  });

  test('a service that does not start: 913, refused/service; the token is accepted all the same (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const asked = await bench.challenge();
    const jti = newJti();
    bench.module.fail('service');
    await bench.refuse(
      'unlock',
      await bench.issuer.token(asked, { jti, pw: { ver: 2, hash: someHash('two') } }),
      913,
    );
    const { event, why, pwv } = await bench.lastReceipt();
    assert.deepEqual([event, why, pwv, (await bench.state()).state], ['refused', 'service', 2, 'locked']);
    const next = await bench.challenge();
    assert.deepEqual([next.last, next.pwv], [jti, 2]);
    await bench.module.reboot();
    assert.equal(await bench.history(), 'provisioned refused/service');
  });

  test('what cannot be stored is not accepted: 914, refused/storage (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const asked = await bench.challenge();
    bench.module.fail('flash');
    const token = await bench.issuer.token(asked, { pw: { ver: 2, hash: someHash('two') } });
    await bench.refuse('unlock', token, 914);
    assert.deepEqual([(await bench.state()).state, bench.module.running()], ['locked', undefined]);
    assert.equal(await bench.history(), 'provisioned refused/storage');
    bench.module.fail('nothing');
    const next = await bench.challenge();
    assert.deepEqual([next.last, next.pwv, bench.module.passwordFile()], [undefined, 0, undefined]);
    await bench.give('unlock', await bench.issuer.token(next));
    await bench.module.reboot();
    assert.equal(await bench.history(), 'provisioned refused/storage opened closed/reboot');
  });

  test('a manifest or bundle that cannot be stored changes nothing: 914', async () => {
    const bench = await Bench.open(make);
    const first = await bench.issuer.manifest({ ver: 1 });
    bench.module.fail('flash');
    await bench.refuse('keys', first, 914);
    assert.equal((await bench.state()).manifest, 0);
    bench.module.fail('nothing');
    await bench.give('keys', first);
    bench.module.fail('flash');
    await bench.refuse('provision', await bench.issuer.bundle(), 914);
    assert.equal((await bench.state()).state, 'unprovisioned');
    assert.deepEqual(await bench.receipts(), []);
  });

  test('lock and time-out lock even where nothing can be stored', async () => {
    const { bench } = await Bench.opened(make);
    bench.module.fail('flash');
    const { receipt } = await bench.one('locked', { verb: 'lock' });
    assert.equal(bench.read(receipt).why, 'lock');
    assert.equal(bench.module.running(), undefined);
    bench.module.fail('nothing');
    await bench.give('unlock', await bench.issuer.token(await bench.challenge('console', 10)));
    bench.module.fail('flash');
    await bench.module.advance(10);
    assert.equal(bench.module.running(), undefined);
    assert.equal(await bench.history(), 'provisioned opened closed/lock opened closed/timeout');
  });

  test('where no number can be had for a receipt, it locks and refuses all the same; a start makes the closed one', async () => {
    const { bench, jti, latest } = await numberless(make);
    bench.module.fail('flash');
    await bench.refuse('unlock', await bench.issuer.token(latest, { sub: 'LTE4-OTHER' }), 903);
    assert.equal(await bench.refusal({ verb: 'lock' }), 914);
    assert.deepEqual([(await bench.state()).state, bench.module.running()], ['locked', undefined]);
    bench.module.fail('nothing');
    await bench.module.reboot();
    const last = await bench.lastReceipt();
    assert.deepEqual([last.jti, last.why, last.seq], [jti, 'reboot', 257]);
    await bench.module.advance(10);
    assert.equal(await bench.history(), 'provisioned opened closed/reboot', 'once');
  });

  for (const [when, act] of Object.entries(settling)) {
    test(`a receipt that is owed is made ${when}, once, and says how the session ended (section 5.3)`, async () => {
      const { bench, jti } = await owing(make);
      bench.module.fail('nothing');
      await act(bench);
      const last = await bench.lastReceipt();
      // 253 challenges, 2 s each.
      assert.deepEqual([last.jti, last.why, last.elapsed], [jti, 'lock', 506]);
      await bench.module.advance(10);
      await bench.module.reboot();
      assert.equal(await bench.history(), 'provisioned opened closed/lock');
    });
  }

  test('while a receipt is owed no token is accepted: flash still says whose it is (section 5.3)', async () => {
    const { bench, jti, latest } = await owing(make);
    await bench.refuse('unlock', await bench.issuer.token(latest), 914);
    await bench.module.advance(10);
    assert.equal(await bench.history(), 'provisioned opened');
    bench.module.fail('nothing');
    const asked = await bench.challenge();
    assert.equal(asked.last, jti);
    await bench.give('unlock', await bench.issuer.token(asked));
    assert.equal(await bench.history(), 'provisioned opened closed/lock opened');
    const [closed, opened] = await bench.receipts(asked.seq);
    assert.deepEqual([closed?.jti, opened?.jti === jti], [jti, false]);
    await bench.module.reboot();
    assert.equal(await bench.history(), 'provisioned opened closed/lock opened closed/reboot');
  });

  test('a refusal leaves on flash what a receipt is still owed for (section 5.3)', async () => {
    const { bench, jti } = await owing(make);
    bench.module.fail('nothing');
    const asked = await bench.challenge();
    await bench.refuse('unlock', await bench.issuer.token(asked, { sub: 'LTE4-OTHER' }), 903);
    await bench.module.reboot();
    assert.equal(await bench.history(), 'provisioned opened refused/module closed/reboot');
    assert.equal((await bench.lastReceipt()).jti, jti);
  });

  test('a time-out for whose receipt there is no number locks, is said unasked, and gets it (section 5.3)', async () => {
    const { bench, jti } = await numberless(make);
    bench.module.fail('flash');
    await bench.module.advance(3600);
    assert.equal(bench.module.running(), undefined);
    assert.equal(bench.module.unsolicited().length, 1);
    assert.equal((await bench.state()).state, 'locked');
    bench.module.fail('nothing');
    await bench.module.advance(10);
    const last = await bench.lastReceipt();
    assert.deepEqual([last.jti, last.why, bench.module.unsolicited()], [jti, 'timeout', []]);
  });

  test('the last 32 receipts are kept, in order, and survive (section 5)', async () => {
    const bench = await Bench.provisioned(make);
    for (let count = 0; count < 20; count++) {
      await bench.give('unlock', await bench.issuer.token(await bench.challenge()));
      await bench.ask({ verb: 'lock' });
    }
    const kept = await bench.receipts();
    assert.equal(kept.length, 32);
    const numbers = kept.map(({ seq }) => seq);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
    assert.equal(kept.at(-1)?.seq, 61);
    await bench.module.reboot();
    assert.deepEqual(await bench.receipts(), kept);
    assert.deepEqual(
      (await bench.receipts(58)).map(({ seq }) => seq),
      [60, 61],
    );
    assert.deepEqual(await bench.receipts(61), []);
  });
}
