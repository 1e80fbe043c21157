import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench } from '../bench.ts';
import type { MakeModule } from '../under-test.ts';
import { spoilt } from './provisioning.ts';

/** Revocation without a clock: only a higher manifest, and no key that it does not name. */
export function manifest(make: MakeModule): void {
  test('either root of the firmware may sign a manifest (section 3)', async () => {
    const bench = await Bench.open(make);
    const { issuer } = bench;
    assert.deepEqual(await bench.give('keys', await issuer.manifest({ ver: 3 }, issuer.roots.a)), {
      kind: 'keys',
      ver: 3,
    });
    assert.deepEqual(await bench.give('keys', await issuer.manifest({ ver: 4 }, issuer.roots.b)), {
      kind: 'keys',
      ver: 4,
    });
    assert.equal((await bench.state()).manifest, 4);
    await bench.module.reboot();
    assert.equal((await bench.state()).manifest, 4);
  });

  test('a manifest is refused for one cause at a time (section 4)', async () => {
    const bench = await Bench.open(make);
    const { issuer } = bench;
    await bench.refuse('keys', 'a.b.c', 901);
    await bench.refuse('keys', await issuer.manifest({ ver: 1 }, issuer.roots.c), 905);
    await bench.refuse('keys', await issuer.manifest({ ver: 1 }, issuer.first), 905);
    await bench.refuse('keys', spoilt(await issuer.manifest({ ver: 1 })), 902);
    assert.equal((await bench.state()).manifest, 0);
  });

  test('only a higher manifest is taken: 910; the same bytes again are no fault (section 4)', async () => {
    const bench = await Bench.open(make);
    const { issuer } = bench;
    const held = await issuer.manifest({ ver: 5 });
    await bench.give('keys', held);
    await bench.refuse('keys', await issuer.manifest({ ver: 4 }), 910);
    await bench.refuse('keys', await issuer.manifest({ ver: 5 }), 910);
    assert.deepEqual(await bench.give('keys', held), { kind: 'keys', ver: 5 });
    await bench.module.reboot();
    await bench.refuse('keys', await issuer.manifest({ ver: 5 }), 910);
    assert.deepEqual(await bench.give('keys', held), { kind: 'keys', ver: 5 });
  });

  test('an issuer key that the manifest no longer names is forgotten: 905 (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    await bench.give('keys', await issuer.manifest({ ver: 2, keys: [issuer.second.jwk] }));
    const asked = await bench.challenge();
    await bench.refuse('unlock', await issuer.token(asked, {}, issuer.first), 905);
    await bench.give('unlock', await issuer.token(asked, {}, issuer.second));
  });

  test('the nonce dies when a manifest is accepted, and only then (section 4)', async () => {
    const bench = await Bench.provisioned(make);
    const { issuer } = bench;
    const asked = await bench.challenge();
    const token = await issuer.token(asked);
    const held = await issuer.manifest({ ver: 2 });
    await bench.give('keys', held);
    await bench.refuse('unlock', token, 904);
    const again = await bench.challenge();
    await bench.refuse('keys', await issuer.manifest({ ver: 2, keys: [issuer.second.jwk] }), 910);
    await bench.give('keys', held);
    await bench.give('unlock', await issuer.token(again));
  });

  test('successors stand in for the roots of the firmware from then on (section 4)', async () => {
    const bench = await Bench.open(make);
    const { issuer } = bench;
    const { a, b, c } = issuer.roots;
    const naming = await issuer.manifest({ ver: 2, roots: [b.jwk, c.jwk] }, a);
    await bench.give('keys', naming);
    await bench.refuse('keys', await issuer.manifest({ ver: 3 }, a), 905);
    await bench.give('keys', naming);
    await bench.give('keys', await issuer.manifest({ ver: 3 }, c));
    await bench.module.reboot();
    await bench.refuse('keys', await issuer.manifest({ ver: 4 }, a), 905);
    await bench.give('keys', await issuer.manifest({ ver: 4 }, b));
  });
}
