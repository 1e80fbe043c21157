import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench } from '../bench.ts';
import { newJti, otherNonce } from '../issuer.ts';
import type { MakeModule } from '../under-test.ts';
import { spoilt } from './provisioning.ts';

/** The nonce's life, `seq` and `last`. */
export function challenge(make: MakeModule): void {
  test('a challenge says what was asked and what the module is (section 4)', async () => {
    const nonce = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const bench = await Bench.provisioned(make, { nonces: [nonce] });
    const claims = await bench.challenge('adb', 4_294_967_295);
    const { fw, ...rest } = claims;
    assert.match(fw, /^[ !#-[\]-~]{1,64}$/);
    assert.deepEqual(rest, {
      sub: 'LTE4-00A1B2C3D4E5',
      nonce: nonce.toString('base64url'),
      seq: 2,
      scope: 'adb',
      for: 4_294_967_295,
      keys: 1,
      pwv: 0,
    });
  });

  test('nonces do not repeat', async () => {
    const bench = await Bench.provisioned(make);
    const nonces = new Set<string>();
    for (let count = 0; count < 20; count++) nonces.add((await bench.challenge()).nonce);
    assert.equal(nonces.size, 20);
  });

  test('one challenge every 2 s: 908 (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const first = await bench.challenge();
    await bench.module.advance(1.9);
    assert.equal(await bench.refusal({ verb: 'challenge', scope: 'console', for: 60 }), 908);
    await bench.module.advance(0.1);
    await bench.ask({ verb: 'challenge', scope: 'console', for: 60 });
    await bench.refuse('unlock', await bench.issuer.token(first), 904);
  });

  test('a challenge refused for its pace leaves the one before it alive (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const first = await bench.challenge();
    assert.equal(await bench.refusal({ verb: 'challenge', scope: 'console', for: 60 }), 908);
    await bench.give('unlock', await bench.issuer.token(first));
  });

  test('nobody asks for no time at all: 907', async () => {
    const bench = await Bench.provisioned(make);
    await bench.module.advance(2);
    assert.equal(await bench.refusal({ verb: 'challenge', scope: 'console', for: 0 }), 907);
  });

  test('the nonce lives 600 s on the monotonic clock (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const first = await issuer.token(await bench.challenge());
    await bench.module.advance(600);
    await bench.refuse('unlock', first, 904);
    const second = await issuer.token(await bench.challenge());
    await bench.module.advance(599.9);
    await bench.give('unlock', second);
  });

  test('the nonce dies on reboot (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const token = await bench.issuer.token(await bench.challenge());
    await bench.module.reboot();
    await bench.refuse('unlock', token, 904);
    assert.equal(await bench.history(), 'provisioned');
  });

  test('the nonce dies when a newer challenge is made (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const older = await bench.challenge();
    const newer = await bench.challenge();
    await bench.refuse('unlock', await bench.issuer.token(older), 904);
    assert.equal((await bench.lastReceipt()).why, 'nonce');
    await bench.refuse('unlock', await bench.issuer.token(newer), 904);
  });

  test('three bad signatures kill the nonce, two do not, and a newer one counts anew (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    for (const bad of [2, 3, 2]) {
      const token = await bench.issuer.token(await bench.challenge());
      for (let count = 0; count < bad; count++) await bench.refuse('unlock', spoilt(token), 902);
      if (bad === 3) await bench.refuse('unlock', token, 904);
      else await bench.give('unlock', token);
    }
    assert.equal(await bench.history(), 'provisioned opened closed/replaced opened');
  });

  test('seq counts challenges and receipts from 1 (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    assert.deepEqual(
      (await bench.receipts()).map(({ seq }) => seq),
      [1],
    );
    assert.equal((await bench.challenge()).seq, 2);
    const asked = await bench.challenge();
    assert.equal(asked.seq, 3);
    await bench.refuse('unlock', await bench.issuer.token(asked, { nonce: otherNonce() }), 904);
    assert.equal((await bench.lastReceipt()).seq, 4);
    assert.equal((await bench.challenge()).seq, 5);
  });

  test('seq is reserved in blocks of 256 and never goes back, whatever becomes of the power (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    let highest = (await bench.challenge()).seq;
    for (const block of [257, 513]) {
      await bench.module.reboot();
      const { seq } = await bench.challenge();
      assert.equal(seq, block);
      assert.ok(seq > highest);
      highest = seq;
    }
    for (let count = 0; count < 260; count++) {
      const { seq } = await bench.challenge();
      assert.equal(seq, ++highest);
    }
    await bench.module.reboot();
    assert.equal((await bench.challenge()).seq, 1025);
  });

  test('last is the jti of the last token accepted, refused ones are not, and it survives (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const first = await bench.challenge();
    assert.equal(first.last, undefined);
    const jti = newJti();
    await bench.give('unlock', await issuer.token(first, { jti }));
    const second = await bench.challenge();
    assert.equal(second.last, jti);
    await bench.refuse('unlock', await issuer.token(second, { sub: 'LTE4-OTHER' }), 903);
    await bench.module.reboot();
    assert.equal((await bench.challenge()).last, jti);
  });
}
