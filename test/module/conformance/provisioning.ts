import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Bench } from '../bench.ts';
import { newJti, someHash } from '../issuer.ts';
import type { MakeModule } from '../under-test.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

/** From a new module to a locked one, and back by `reset`. */
export function provisioning(make: MakeModule): void {
  test('a new module is unprovisioned and holds no manifest (section 5)', async () => {
    const bench = await Bench.open(make, { hwid: 'LTE4-00A1B2C3D4E5', imei: '490154203237518' });
    const nothing = {
      kind: 'state',
      state: 'unprovisioned',
      remaining: 0,
      hwid: 'LTE4-00A1B2C3D4E5',
      manifest: 0,
    };
    assert.deepEqual(await bench.state(), nothing);
    const { hwid, imei } = await bench.identity();
    assert.deepEqual([hwid, imei], ['LTE4-00A1B2C3D4E5', '490154203237518']);
    assert.equal(await bench.refusal({ verb: 'keys' }), 901, 'no bytes are not those that it holds');
  });

  test('an unprovisioned module refuses what needs provisioning: 911 (section 4)', async () => {
    const bench = await Bench.open(make);
    assert.equal(await bench.refusal({ verb: 'challenge', scope: 'console', for: 60 }), 911);
    assert.equal(await bench.refusal({ verb: 'unlock' }), 911);
    assert.deepEqual(await bench.ask({ verb: 'lock' }), []);
    assert.deepEqual(await bench.ask({ verb: 'receipts', after: 0 }), []);
    await bench.give('keys', await bench.issuer.manifest({ ver: 1 }));
    assert.equal(await bench.refusal({ verb: 'unlock' }), 911, 'a manifest does not change that');
  });

  test('a bundle provisions: its digest in the receipt, its password in force (section 4)', async () => {
    const bench = await Bench.open(make);
    const { hwid, dkt } = await bench.identity();
    await bench.give('keys', await bench.issuer.manifest({ ver: 1 }));
    const pw = { ver: 1, hash: someHash('first') };
    const jti = newJti();
    const bundle = await bench.issuer.bundle({ jti, sub: hwid, dkt, pw });
    const answer = await bench.give('provision', bundle);
    assert.ok(answer.kind === 'provisioned');
    const claims = { sub: hwid, jti, event: 'provisioned', elapsed: 0, seq: 1, pwv: 1, dig: sha256(bundle) };
    assert.deepEqual(bench.read(answer.receipt), claims);
    assert.deepEqual(await bench.receipts(), [claims]);
    assert.equal((await bench.state()).state, 'locked');
    assert.equal(bench.module.passwordFile(), pw.hash);
  });

  test('the offline bundle names no module and brings no password (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    assert.equal((await bench.lastReceipt()).pwv, 0);
    assert.equal((await bench.challenge()).pwv, 0);
    assert.equal(bench.module.passwordFile(), undefined);
  });

  test('a provisioned module takes no bundle, whatever it is: 909 (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    await bench.refuse('provision', await bench.issuer.bundle(), 909);
    await bench.refuse('provision', 'not.a.bundle', 909);
    await bench.module.reboot();
    await bench.refuse('provision', await bench.issuer.bundle(), 909);
  });

  test('a bundle is refused for one cause at a time, and then the module stays unprovisioned', async () => {
    const bench = await Bench.open(make);
    const { issuer } = bench;
    const { hwid, dkt } = await bench.identity();
    const pw = { ver: 1, hash: someHash('first') };
    await bench.refuse('provision', await issuer.bundle(), 905);
    await bench.give('keys', await issuer.manifest({ ver: 1 }));
    await bench.refuse('provision', 'a.b', 901);
    await bench.refuse('provision', await issuer.bundle({}, issuer.second), 905);
    await bench.refuse('provision', spoilt(await issuer.bundle()), 902);
    await bench.refuse('provision', await issuer.bundle({ aud: 'latchkey:server' }), 901);
    await bench.refuse('provision', await issuer.bundle({ iss: 'other.test' }), 901);
    await bench.refuse('provision', await issuer.bundle({ sub: 'LTE4-OTHER', dkt, pw }), 903);
    await bench.refuse('provision', await issuer.bundle({ sub: hwid, dkt: issuer.first.kid, pw }), 903);
    assert.deepEqual([(await bench.state()).state, await bench.receipts()], ['unprovisioned', []]);
  });

  test('reset: unprovisioned with a new device key; manifest, seq, pwv and receipts stay (section 4)', async () => {
    const { bench, asked } = await Bench.opened(make);
    const { issuer } = bench;
    const before = await bench.identity();
    const pw = { ver: 7, hash: someHash('seventh') };
    const jti = newJti();
    const ask = await bench.challenge('reset', 60);
    const answer = await bench.give('unlock', await issuer.token(ask, { jti, pw }));
    assert.ok(answer.kind === 'open' && answer.scope === 'reset');
    assert.equal(bench.read(answer.receipt).jti, jti);
    const after = await bench.identity();
    assert.notEqual(after.dkt, before.dkt);
    assert.deepEqual([(await bench.state()).state, (await bench.state()).manifest], ['unprovisioned', 1]);
    assert.equal(await bench.history(), 'provisioned opened closed/replaced opened closed/stop');
    assert.equal(bench.module.running(), undefined);
    await bench.refuse('provision', await issuer.bundle({ sub: after.hwid, dkt: before.dkt, pw }), 903);
    await bench.refuse('provision', await issuer.bundle({ sub: after.hwid, dkt: after.dkt, pw }), 915);
    await bench.give('provision', await issuer.bundle());
    const next = await bench.challenge();
    assert.ok(next.seq > asked.seq);
    assert.deepEqual([next.pwv, next.last], [7, undefined]);
  });

  test('what reset leaves is still so after a reboot (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    await bench.give(
      'keys',
      await bench.issuer.manifest({ ver: 2, roots: [bench.issuer.roots.b.jwk, bench.issuer.roots.c.jwk] }),
    );
    await bench.give('unlock', await bench.issuer.token(await bench.challenge('reset', 60)));
    const { dkt } = await bench.identity();
    await bench.module.reboot();
    assert.equal((await bench.identity()).dkt, dkt);
    assert.deepEqual([(await bench.state()).state, (await bench.state()).manifest], ['unprovisioned', 2]);
    assert.equal(await bench.history(), 'provisioned opened closed/stop');
    await bench.refuse('keys', await bench.issuer.manifest({ ver: 3 }, bench.issuer.roots.a), 905);
  });
}

/** The same message, its signature one bit off. */
export function spoilt(jws: string): string {
  const at = jws.length - 40;
  return jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1);
}
