import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { verify } from 'unixcrypt';
import { nextPassword } from '../../protocol/claims.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller } from '../../server/context.ts';
import { revealPassword } from '../../server/decisions/reveal.ts';
import { suspend, tend } from '../../server/decisions/tend.ts';
import { issueToken } from '../../server/decisions/token.ts';
import { makePassword, openPassword, sealPassword } from '../../server/passwords.ts';
import { startScene } from '../fixture/scene.ts';
import { principal, provisioned, requested, uploaded } from '../fixture/unlocks.ts';

const { server, services, alice, bob, station } = await startScene();
after(() => server.stop());

test('a password is 24 characters of Crockford base32 in six groups: 120 random bits (DESIGN §6)', async () => {
  const made = await Promise.all(Array.from({ length: 40 }, () => makePassword(services)));
  for (const { password } of made)
    assert.match(password, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/);
  assert.equal(new Set(made.map(({ password }) => password)).size, made.length);
  // Each of the 32 characters comes up: 960 drawn, so one is missing once in 10¹¹ runs.
  assert.equal(new Set(made.flatMap(({ password }) => [...password.replaceAll('-', '')])).size, 32);
});

test('every bit of a password is random: each of its 24 bytes of randomness changes it', async () => {
  const { crypt } = services;
  const random = (length: number) => new Uint8Array(length);
  const base = (await makePassword({ random, crypt })).password;
  for (let place = 0; place < 24; place += 1) {
    const other = (length: number) => {
      const bytes = new Uint8Array(length);
      if (length === 24) bytes[place] = 1;
      return bytes;
    };
    assert.notEqual((await makePassword({ random: other, crypt })).password, base);
  }
});

test('the module gets the $6$ hash of exactly that password (DESIGN §6)', async () => {
  const { password, hash } = await makePassword(services);
  assert.ok(nextPassword.read({ ver: 1, hash }));
  assert.ok(verify(password, hash));
  assert.ok(!verify(`${password.slice(0, -1)}${password.endsWith('0') ? '1' : '0'}`, hash));
});

test('a sealed password opens only for its own module and version (DESIGN §6)', () => {
  const sealed = sealPassword(services, 'QC-0001-0001', 3, 'secret');
  assert.equal(openPassword(services, 'QC-0001-0001', 3, sealed), 'secret');
  assert.throws(() => openPassword(services, 'QC-0001-0002', 3, sealed));
  assert.throws(() => openPassword(services, 'QC-0001-0001', 4, sealed));
});

test('a row moved to another module does not open, and no event says it did (DESIGN §6)', async () => {
  const [one, two] = [await provisioned(services, station), await provisioned(services, station)];
  const id = await requested(services, alice, two);
  await issueToken(services, alice, id, await two.challenge());
  const row = await services.read
    .selectFrom('passwords')
    .select('sealed')
    .where('hwid', '=', one.hwid)
    .executeTakeFirstOrThrow();
  await server.store.write.updateTable('passwords').set(row).where('hwid', '=', two.hwid).execute();
  await assert.rejects(revealPassword(services, alice, id), (error) => !(error instanceof Problem));
  const { items } = await services.reader.search({ unlock: id, type: 'password.revealed', limit: 9 });
  assert.deepEqual(items, []);
  const kept = await services.read
    .selectFrom('passwords')
    .select('revealed')
    .where('hwid', '=', two.hwid)
    .execute();
  assert.deepEqual(kept, [{ revealed: null }]);
});

test('a reveal is of one’s own unlock, while issued or open, of a module in use (DESIGN §6)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  const code = async (caller: Caller) => {
    try {
      await revealPassword(services, caller, id);
      return 'revealed';
    } catch (error) {
      assert.ok(error instanceof Problem, String(error));
      return error.code;
    }
  };
  const officer = await principal(services, ['officer'], 'olga');
  assert.deepEqual(
    [await code(alice), await code(bob), await code(officer)],
    ['unlock-state', 'not-found', 'forbidden'],
  );
  await issueToken(services, alice, id, await device.challenge());
  assert.equal(await code(alice), 'revealed');
  await tend(services, officer, device.hwid, suspend, 'stolen');
  assert.equal(await code(alice), 'module-inactive');
  const other = await provisioned(services, station);
  const closed = await requested(services, alice, other);
  await issueToken(services, alice, closed, await other.challenge());
  await uploaded(services, alice, other.receipt('closed', closed));
  await assert.rejects(
    revealPassword(services, alice, closed),
    (error) => error instanceof Problem && error.code === 'unlock-state',
  );
});

test('what is revealed is what the module holds once the token is accepted (DESIGN §6)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  const first = await revealPassword(services, alice, id);
  await issueToken(services, alice, id, await device.challenge());
  const second = await revealPassword(services, alice, id);
  assert.deepEqual([first.ver, second.ver], [1, 2]);
  const rows = await services.read
    .selectFrom('passwords')
    .select(['hash', 'revealed'])
    .where('hwid', '=', device.hwid)
    .orderBy('ver')
    .execute();
  for (const [place, { password }] of [first, second].entries()) {
    assert.ok(verify(password, rows[place]?.hash ?? ''));
    assert.ok(rows[place]?.revealed);
  }
});

test('a version that this server does not hold is not revealed (DESIGN §6)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  const { write } = server.store;
  const [lost] = await write.deleteFrom('passwords').where('hwid', '=', device.hwid).returningAll().execute();
  assert.ok(lost);
  await assert.rejects(
    revealPassword(services, alice, id),
    (error) => error instanceof Problem && error.code === 'password-unknown',
  );
  await write.insertInto('passwords').values(lost).execute();
});

test('neither events nor diagnostics hold a password (order rule 5)', async () => {
  const device = await provisioned(services, station);
  const id = await requested(services, alice, device);
  await issueToken(services, alice, id, await device.challenge());
  const { password } = await revealPassword(services, alice, id);
  const leaves = await services.read.selectFrom('log_leaves').select('leaf').execute();
  const record = leaves.map(({ leaf }) => Buffer.from(leaf).toString()).join('\n') + server.lines.join('\n');
  assert.ok(!record.includes(password));
  assert.ok(!record.includes(password.replaceAll('-', '')));
});
