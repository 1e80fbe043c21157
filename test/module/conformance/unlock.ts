import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBase64url } from '../../../protocol/base64url.ts';
import type { Cme } from '../../../protocol/cme.ts';
import { type Challenge, type UnlockToken, unlockToken } from '../../../protocol/messages.ts';
import { Bench } from '../bench.ts';
import { newJti, otherNonce, someHash } from '../issuer.ts';
import type { MakeModule, Setup } from '../under-test.ts';
import { spoilt } from './provisioning.ts';

interface Refused {
  readonly rule: string;
  readonly code: Cme;
  readonly why: string;
  readonly claims: (asked: Challenge) => Partial<UnlockToken>;
  readonly setup?: Partial<Setup>;
}

/** One for each cause that leaves a receipt. */
const refused: readonly Refused[] = [
  { rule: 'another audience', code: 901, why: 'audience', claims: () => ({ aud: 'latchkey:server' }) },
  { rule: 'another issuer', code: 901, why: 'audience', claims: () => ({ iss: 'other.test' }) },
  { rule: 'another module', code: 903, why: 'module', claims: () => ({ sub: 'LTE4-OTHER' }) },
  { rule: 'another nonce', code: 904, why: 'nonce', claims: () => ({ nonce: otherNonce() }) },
  { rule: 'expired', code: 906, why: 'expired', claims: () => ({}), setup: { now: 1_750_000_600 } },
  { rule: 'another scope', code: 907, why: 'scope', claims: () => ({ scope: 'reset' }) },
  { rule: 'more seconds', code: 907, why: 'scope', claims: (asked) => ({ for: asked.for + 1 }) },
  {
    rule: 'a password not newer',
    code: 915,
    why: 'password',
    claims: () => ({ pw: { ver: 4, hash: someHash('old') } }),
  },
];

/** What a token must be, and what it costs the nonce when it is not. */
export function unlock(make: MakeModule): void {
  for (const { rule, code, why, claims, setup } of refused) {
    test(`${rule}: ${code}, a refused/${why} receipt, and the nonce is spent (section 4)`, async () => {
      const bench = await Bench.provisioned(make, setup);
      const { issuer, module } = bench;
      if (code === 915) await giveVersion(bench, 4);
      const asked = await bench.challenge();
      const jti = newJti();
      await bench.refuse('unlock', await issuer.token(asked, { jti, ...claims(asked) }), code);
      const { sub, jti: named, event, why: cause, elapsed } = await bench.lastReceipt();
      assert.deepEqual([sub, named, event, cause, elapsed], [asked.sub, jti, 'refused', why, 0]);
      assert.equal(module.running(), undefined);
      await bench.refuse('unlock', await issuer.token(asked), 904);
      assert.equal((await bench.lastReceipt()).jti, jti, 'no challenge was live, so no receipt');
      assert.equal((await bench.challenge()).last === jti, false);
    });
  }

  test('a token in a build with a trusted clock opens until exp (section 4)', async () => {
    const bench = await Bench.provisioned(make, { now: 1_750_000_599 });
    await bench.give('unlock', await bench.issuer.token(await bench.challenge()));
  });

  test('what is refused before its signature leaves the nonce alive and no receipt (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const asked = await bench.challenge();
    const token = await issuer.token(asked);
    const foreign = await issuer.token(asked, {}, issuer.second);
    for (let count = 0; count < 3; count++) {
      await bench.refuse('unlock', 'a.b', 901);
      await bench.refuse('unlock', `${token}=`, 901);
      await bench.refuse('unlock', foreign, 905);
    }
    await bench.refuse('unlock', spoilt(token), 902);
    assert.equal(await bench.history(), 'provisioned');
    await bench.give('unlock', token);
  });

  test('a good signature over what is no token spends the nonce and leaves no receipt: 901 (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const asked = await bench.challenge();
    const header = encodeBase64url(
      Buffer.from(`{"alg":"PS256","kid":"${issuer.first.kid}","typ":"${unlockToken.typ}"}`),
    );
    const input = `${header}.${encodeBase64url(Buffer.from('{"iss":"unlock.test"}'))}`;
    const jws = `${input}.${encodeBase64url(await issuer.first.sign(Buffer.from(input)))}`;
    await bench.refuse('unlock', jws, 901);
    await bench.refuse('unlock', await issuer.token(asked), 904);
    assert.equal(await bench.history(), 'provisioned');
  });

  test('a token opens once: again it is 904, and the session goes on (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const token = await bench.issuer.token(await bench.challenge());
    await bench.give('unlock', token);
    await bench.refuse('unlock', token, 904);
    assert.equal((await bench.state()).state, 'open');
    await bench.ask({ verb: 'lock' });
    await bench.refuse('unlock', token, 904);
    assert.equal(await bench.history(), 'provisioned opened closed/lock');
  });

  for (const scope of ['console', 'adb', 'ssh'] as const) {
    test(`a token opens ${scope}: its service runs, for the seconds granted (section 4)`, async () => {
      const bench = await Bench.provisioned(make);
      const asked = await bench.challenge(scope, 900);
      const jti = newJti();
      const answer = await bench.give('unlock', await bench.issuer.token(asked, { jti, for: 300 }));
      assert.ok(answer.kind === 'open');
      assert.deepEqual([answer.scope, answer.for], [scope, 300]);
      const { event, why, elapsed, seq } = bench.read(answer.receipt);
      assert.deepEqual([event, why, elapsed, seq], ['opened', undefined, 0, asked.seq + 1]);
      assert.equal(bench.module.running(), scope);
      await bench.module.advance(100.5);
      const { state, remaining } = await bench.state();
      assert.deepEqual([state, remaining], ['open', 200]);
    });
  }

  test('pw is in force once its token is accepted, in the opened receipt too (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    await giveVersion(bench, 3);
    assert.equal((await bench.lastReceipt()).pwv, 3);
    assert.equal(bench.module.passwordFile(), someHash('version3'));
    const asked = await bench.challenge();
    assert.equal(asked.pwv, 3);
    await bench.give('unlock', await bench.issuer.token(asked));
    assert.deepEqual(
      [(await bench.lastReceipt()).pwv, bench.module.passwordFile()],
      [3, someHash('version3')],
    );
  });
}

/** Unlocks with a password of version `ver`. */
async function giveVersion(bench: Bench, ver: number): Promise<void> {
  const pw = { ver, hash: someHash(`version${ver}`) };
  await bench.give('unlock', await bench.issuer.token(await bench.challenge(), { pw }));
  await bench.ask({ verb: 'lock' });
  await bench.lastReceipt();
}
