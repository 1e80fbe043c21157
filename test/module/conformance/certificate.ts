import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from '../../../protocol/base64url.ts';
import { thumbprint } from '../../../protocol/jwk.ts';
import type { Csr } from '../../../protocol/messages.ts';
import { Bench } from '../bench.ts';
import type { MakeModule } from '../under-test.ts';
import { spoilt } from './provisioning.ts';

const kidOf = ({ x, y }: Csr) => thumbprint({ kty: 'EC', crv: 'P-256', x, y });

/** The module's own TLS key: docs/protocol.md §5.6, §5.7 and §6.6. */
export function certificate(make: MakeModule): void {
  test('an unprovisioned module has no TLS key, and takes no certificate: 911 (§5.7)', async () => {
    const bench = await Bench.open(make);
    assert.equal(await bench.refusal({ verb: 'csr' }), 911);
    await bench.refuse('certificate', 'not.a.certificate', 911);
  });

  test('a csr is of the module, by its device key, for another key, the same each time (§6.6)', async () => {
    const bench = await Bench.provisioned(make);
    const { hwid, dkt } = await bench.identity();
    const first = await bench.csr();
    assert.equal(first.sub, hwid);
    assert.notEqual(kidOf(first), dkt);
    const second = await bench.csr();
    await bench.module.reboot();
    const third = await bench.csr();
    assert.deepEqual([kidOf(second), kidOf(third)], [kidOf(first), kidOf(first)]);
    assert.ok(first.seq < second.seq && second.seq < third.seq, 'seq goes on (§6.3)');
    assert.ok((await bench.challenge()).seq > third.seq);
  });

  test('one csr every 2 s: 908; challenges have a pace of their own (§6.3)', async () => {
    const bench = await Bench.provisioned(make);
    await bench.csr();
    assert.equal(await bench.refusal({ verb: 'csr' }), 908);
    await bench.module.advance(1.9);
    assert.equal(await bench.refusal({ verb: 'csr' }), 908);
    await bench.one('challenge', { verb: 'challenge', scope: 'console', for: 60 });
    await bench.module.advance(0.1);
    const [answer] = await bench.ask({ verb: 'csr' });
    assert.equal(answer?.kind, 'csr');
    await bench.module.reboot();
    assert.equal((await bench.ask({ verb: 'csr' })).length, 1, 'the pace is kept in RAM');
  });

  test('two modules have two keys', async () => {
    const [one, other] = [await Bench.provisioned(make), await Bench.provisioned(make)];
    assert.notEqual(kidOf(await one.csr()), kidOf(await other.csr()));
  });

  test('a certificate for its key is taken; again, after a reboot, and another for the same key too (§5.7)', async () => {
    const bench = await Bench.provisioned(make);
    const first = await bench.certificate();
    await bench.give('certificate', first);
    await bench.give('certificate', first);
    await bench.module.reboot();
    await bench.give('certificate', first);
    await bench.give('certificate', await bench.certificate());
  });

  test('a certificate is refused for one cause at a time, and may come afterwards (§5.7)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const { hwid, dkt } = await bench.identity();
    const stranger = await Bench.provisioned(make);
    const others = await issuer.certify(hwid, await stranger.csr());
    await bench.refuse('certificate', await issuer.certificate({ sub: hwid, dkt, crt: others }), 903);
    const good = await bench.certificate();
    const { crt } = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString());
    await bench.refuse('certificate', 'a.b', 901);
    await bench.refuse('certificate', await issuer.certificate({ sub: hwid, dkt, crt }, issuer.second), 905);
    await bench.refuse('certificate', spoilt(good), 902);
    await bench.refuse('certificate', await bench.certificate({ crt, aud: 'latchkey:server' }), 901);
    await bench.refuse('certificate', await bench.certificate({ crt, iss: 'other.test' }), 901);
    await bench.refuse('certificate', await bench.certificate({ crt, sub: 'LTE4-OTHER' }), 903);
    await bench.refuse('certificate', await bench.certificate({ crt, dkt: issuer.first.kid }), 903);
    await bench.refuse('certificate', await bench.certificate({ crt: others }), 903);
    await bench.refuse(
      'certificate',
      await bench.certificate({ crt: encodeBase64url(Buffer.from('x')) }),
      903,
    );
    await bench.give('certificate', good);
  });

  test('it leaves challenge and session as they are (§6.6)', async () => {
    const bench = await Bench.provisioned(make);
    const message = await bench.certificate();
    const asked = await bench.challenge();
    await bench.give('certificate', message);
    await bench.give('unlock', await bench.issuer.token(asked));
    await bench.csr();
    await bench.give('certificate', message);
    assert.equal((await bench.state()).state, 'open');
    assert.equal(bench.module.running(), 'console');
  });

  test('reset forgets key and certificate: the next csr is for another key (§6.6)', async () => {
    const bench = await Bench.provisioned(make);
    const before = await bench.csr();
    const { crt } = JSON.parse(
      Buffer.from((await bench.certificate()).split('.')[1] ?? '', 'base64url').toString(),
    );
    await bench.give('unlock', await bench.issuer.token(await bench.challenge('reset', 60)));
    assert.equal(await bench.refusal({ verb: 'csr' }), 911);
    await bench.module.reboot();
    await bench.give('provision', await bench.issuer.bundle());
    await bench.refuse('certificate', await bench.certificate({ crt }), 903);
    assert.notEqual(kidOf(await bench.csr()), kidOf(before));
  });

  test('while the flash fails no key is made and no certificate kept: 914 (§5.7)', async () => {
    const bench = await Bench.provisioned(make);
    bench.module.fail('flash');
    assert.equal(await bench.refusal({ verb: 'csr' }), 914);
    bench.module.fail('nothing');
    const first = await bench.csr();
    const message = await bench.certificate();
    bench.module.fail('flash');
    await bench.refuse('certificate', message, 914);
    bench.module.fail('nothing');
    assert.equal(kidOf(await bench.csr()), kidOf(first));
    await bench.give('certificate', message);
  });
}
