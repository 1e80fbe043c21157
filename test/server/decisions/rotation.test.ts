import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { type Receipt, unlockToken } from '../../../protocol/messages.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import type { Device } from '../../fixture/device.ts';
import { startScene } from '../../fixture/scene.ts';
import { provisioned, requested, uploaded } from '../../fixture/unlocks.ts';

const { server, services, alice, station } = await startScene();
after(() => server.stop());

/** Version that the next token carries, and its unlock. */
async function token(device: Device, id?: string): Promise<{ id: string; ver: number | undefined }> {
  const unlock = id ?? (await requested(services, alice, device));
  const { token: jws } = await issueToken(services, alice, unlock, await device.challenge());
  return { id: unlock, ver: decodePayload(unlockToken, openEnvelope(unlockToken, jws).payload).pw?.ver };
}

/** A module whose version 1 was shown, and the unlock whose token carries version 2. */
async function rotating(): Promise<{ device: Device; id: string }> {
  const device = await provisioned(services, station);
  const first = await token(device);
  await revealPassword(services, alice, first.id);
  await uploaded(services, alice, device.receipt('closed', first.id));
  const { id, ver } = await token(device);
  assert.equal(ver, 2);
  return { device, id };
}

const shown = async (id: string) => (await revealPassword(services, alice, id)).ver;

test('each replacement of a token that carries a password carries a fresh version (DESIGN section 6, Passwords)', async () => {
  const { device, id } = await rotating();
  assert.equal(await shown(id), 2);
  for (const ver of [3, 4, 5]) {
    assert.equal((await token(device, id)).ver, ver);
    assert.equal(await shown(id), ver);
  }
});

const refusals: [string, Partial<Receipt>, number][] = [
  // Rows: what the module reports with its refusal, then what its next token must carry.
  ['914, nothing stored: version 1 is still in force, and known', { why: 'storage', pwv: 1 }, 3],
  ['915: the module had a version above the token’s', { why: 'password', pwv: 7 }, 8],
  ['the nonce had died', { why: 'nonce', pwv: 1 }, 3],
];

for (const [rule, claims, ver] of refusals) {
  test(`a refused token’s version is never used again: ${rule} (DESIGN section 6, Passwords)`, async () => {
    const { device, id } = await rotating();
    device.pwv = claims.pwv ?? 1;
    assert.equal(await uploaded(services, alice, device.receipt('refused', id, claims)), 'expired');
    assert.equal((await token(device)).ver, ver);
  });
}

test('914 after the version was stored: it is in force, nobody was shown it, and it stays (DESIGN section 6, Passwords)', async () => {
  const { device, id } = await rotating();
  device.pwv = 2;
  device.last = id;
  await uploaded(services, alice, device.receipt('refused', id, { why: 'storage' }));
  const next = await token(device);
  assert.equal(next.ver, undefined);
  assert.equal(await shown(next.id), 2);
});

test('a module set back to a version that was shown gets one above all that were sent (DESIGN section 6, Passwords)', async () => {
  const { device, id } = await rotating();
  device.pwv = 2;
  device.last = id;
  await uploaded(services, alice, device.receipt('closed', id));
  device.pwv = 1;
  assert.equal((await token(device)).ver, 3);
});
