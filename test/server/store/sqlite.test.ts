import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { openSqlite } from '../../../server/store/sqlite.ts';

test('directory and files of the database are their owner’s alone', async (t) => {
  const file = databaseFile(t);
  const store = await openSqlite(file);
  await store.write.selectFrom('log_head').selectAll().execute();
  const directory = join(file, '..');
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const files = readdirSync(directory);
  assert.deepEqual(files.sort(), ['latchkey.db', 'latchkey.db-shm', 'latchkey.db-wal']);
  for (const name of files) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  await store.close();
  assert.deepEqual(readdirSync(directory), ['latchkey.db']);
});

test('a database that others may read is closed to them when it is opened', async (t) => {
  const file = databaseFile(t);
  await (await openSqlite(file)).close();
  chmodSync(file, 0o644);
  await (await openSqlite(file)).close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('the writer syncs at every COMMIT and keeps foreign keys', async (t) => {
  const store = await openSqlite(databaseFile(t));
  const pragma = async (name: string) => (await sql`${sql.raw(`pragma ${name}`)}`.execute(store.write)).rows;
  assert.deepEqual(await pragma('journal_mode'), [{ journal_mode: 'wal' }]);
  assert.deepEqual(await pragma('synchronous'), [{ synchronous: 2 }]);
  assert.deepEqual(await pragma('foreign_keys'), [{ foreign_keys: 1 }]);
  await store.close();
});

test('the read connection cannot write', async (t) => {
  const store = await openSqlite(databaseFile(t));
  await assert.rejects(store.read.deleteFrom('log_leaves').execute(), /readonly/);
  await store.close();
});

test('opening again changes nothing; a database of a newer version is refused', async (t) => {
  const file = databaseFile(t);
  await (await openSqlite(file)).close();
  const store = await openSqlite(file);
  await sql`insert into kysely_migration values ('9999-later', '2030-01-01')`.execute(store.write);
  await store.close();
  await assert.rejects(openSqlite(file), /could not be brought up to date/);
});

test('errors of the disk are told from errors of a statement', async (t) => {
  const store = await openSqlite(databaseFile(t));
  const key = { id: 'a', wrapped: Buffer.alloc(1), created: '', uses: 0 };
  await store.write.insertInto('data_keys').values(key).execute();
  const thrown = async (work: Promise<unknown>) =>
    await work.then(
      () => undefined,
      (error: unknown) => error,
    );
  assert.ok(!store.isFault(await thrown(store.write.insertInto('data_keys').values(key).execute())));
  assert.ok(!store.isFault(await thrown(sql`selekt`.execute(store.write))));
  assert.ok(!store.isFault(new Error('SQLITE_FULL')));
  await sql`pragma max_page_count = 1`.execute(store.write);
  const large = { ...key, id: 'b', wrapped: Buffer.alloc(100_000) };
  assert.ok(store.isFault(await thrown(store.write.insertInto('data_keys').values(large).execute())));
  await store.close();
});

function databaseFile(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-store-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, 'data', 'latchkey.db');
}
