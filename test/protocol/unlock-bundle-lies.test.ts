import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyUnlockBundle } from '../../protocol/unlock-bundle.ts';
import { testKeys } from '../fixture/keys.ts';
import { forgedBundle, type Lies } from './forged-bundle.ts';
import { lies, password } from './lies.ts';

/** docs/protocol.md, section 10.4: what is signed and in the log can still not be true together. */

async function foundIn(lies: Lies): Promise<string[]> {
  const keys = await testKeys();
  const verdict = verifyUnlockBundle(await forgedBundle(keys, lies), keys.keys.roots);
  return verdict.ok ? [] : verdict.findings.map(({ check, at, what }) => `${check} ${at}: ${what}`);
}

test('what is honest passes', async () => {
  assert.deepEqual(await foundIn({}), []);
  assert.deepEqual(await foundIn({ challenge: { pwv: 0 }, token: { pw: password(2) } }), []);
});

for (const [name, [lie, finding]] of Object.entries(lies)) {
  test(`found: ${name}`, async () => {
    const found = await foundIn(lie);
    assert.ok(
      found.some((one) => one.startsWith(finding)),
      JSON.stringify(found),
    );
    const about = finding.split(':')[0] ?? '';
    const others = found.filter((one) => !one.startsWith(about) && !/^(state|token grants: )/.test(one));
    assert.deepEqual(others, []);
  });
}
