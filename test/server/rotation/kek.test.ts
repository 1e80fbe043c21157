import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { KeyFault } from '../../../keys/fault.ts';
import { beginNextKek, loadKeks } from '../../../keys/kek.ts';
import type { KeyEncryptingKey } from '../../../keys/keys.ts';
import { makeKek } from '../../../keys/seal.ts';
import { rotateDataKey, rotateKek } from '../../../server/commands/rotate.ts';
import { Keyring } from '../../../server/keyring.ts';
import { openServices } from '../../../server/services.ts';
import { readDataKeys } from '../../../server/store/data-keys.ts';
import { ambient, config, open, sealedBy } from './site.ts';

test('a new KEK wraps every data key, takes the place of the old one, and the old one opens nothing', async () => {
  await rotateDataKey(config, ambient);
  const before = readFileSync(config.kek, 'utf8');
  assert.equal((await rotateKek(config, ambient)).keys.length, 2);
  assert.notEqual(readFileSync(config.kek, 'utf8'), before);
  assert.deepEqual(readdirSync(dirname(config.kek)), ['kek']);
  await open(sealedBy);
  writeFileSync(config.kek, before);
  await assert.rejects(openServices(config, ambient), KeyFault);
});

test('a new KEK that is cut short, or that others may read: the server goes on without it, and the rotation names it', async () => {
  const next = `${config.kek}.next`;
  for (const [text, mode] of [
    ['', 0o600],
    [`${randomBytes(32).toString('base64url')}\n`, 0o644],
  ] as const) {
    writeFileSync(next, text);
    chmodSync(next, mode);
    await open(async (services) => {
      await sealedBy(services);
      await services.sealer.replace();
    });
    await assert.rejects(rotateKek(config, ambient), (error) => {
      return error instanceof KeyFault && error.message.includes(next);
    });
  }
  rmSync(next);
  assert.ok((await rotateKek(config, ambient)).inPlace);
  await open(sealedBy);
});

test('once the KEK is rotated, no file holds a data key as the old one wrapped it, whichever came first', async () => {
  const kek = makeKek(Buffer.from(readFileSync(config.kek, 'utf8').trim(), 'base64url'), randomBytes);
  /** Places in the database's files where the old KEK opens a data key that is in use. */
  const opened = (ids: readonly string[]) =>
    readdirSync(config.dataDir)
      .filter((name) => name.startsWith('latchkey.db'))
      .flatMap((name) => {
        const bytes = readFileSync(join(config.dataDir, name));
        const places = [...bytes.keys()].filter((place) => bytes[place] === 1);
        return places.filter((place) => ids.some((id) => opens(kek, bytes.subarray(place, place + 61), id)));
      }).length;
  await open(async ({ read }) => {
    await rotateDataKey(config, ambient);
    const ids = (await readDataKeys(read)).map(({ id }) => id);
    assert.ok(opened(ids) >= 2, 'what is there is found');
    await rotateKek(config, ambient);
    assert.equal(opened(ids), 0);
  });
});

function opens(kek: KeyEncryptingKey, wrapped: Uint8Array, id: string): boolean {
  try {
    return kek.unwrap(wrapped, id).length === 32;
  } catch {
    return false;
  }
}

test('a server that ran while the KEK was rotated makes its next data key under the new one', async () => {
  await open(async (services) => {
    await rotateKek(config, ambient);
    await services.sealer.replace();
  });
  await open(sealedBy);
});

test('a KEK that is rotated while a data key is made: the data key comes under the new one', async () => {
  await open(async (services) => {
    let rotated: Promise<unknown> | undefined;
    const keyring = await Keyring.open({
      ...services,
      keks: () => loadKeks(config, randomBytes),
      async commit(author, fn) {
        if (armed) rotated ??= rotateKek(config, ambient);
        await rotated;
        return services.commit(author, fn);
      },
    });
    armed = true;
    await keyring.replace();
  });
  armed = false;
  await open(sealedBy);
});
let armed = false;

test('a rotation of the KEK that was cut off: the server works, doctor says so, and the next run ends it', async () => {
  beginNextKek(config, randomBytes);
  await open(sealedBy);
  await rotateKek(config, ambient);
  // As if it had been cut between the commit and the renaming.
  const rotated = readFileSync(config.kek, 'utf8');
  writeFileSync(`${config.kek}.next`, rotated, { mode: 0o600 });
  writeFileSync(config.kek, `${randomBytes(32).toString('base64url')}\n`);
  await open(async (services) => {
    await sealedBy(services);
    await services.sealer.replace();
  });
  assert.equal(loadKeks(config, randomBytes).length, 2);
  await rotateKek(config, ambient);
  assert.equal(existsSync(`${config.kek}.next`), false);
  await open(sealedBy);
});
