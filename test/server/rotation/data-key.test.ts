import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { sealedUnder } from '../../../keys/seal.ts';
import { SERVER } from '../../../protocol/events.ts';
import type { Line } from '../../../protocol/lines.ts';
import { rotateDataKey } from '../../../server/commands/rotate.ts';
import { importModules } from '../../../server/decisions/import.ts';
import { offlineBundle } from '../../../server/decisions/offline.ts';
import { registerModule } from '../../../server/decisions/register.ts';
import { keepOnce } from '../../../server/keep.ts';
import { resealAll, sealedColumns } from '../../../server/reseal.ts';
import { databaseFile, type OpenServices } from '../../../server/services.ts';
import { MOST_USES, readDataKeys } from '../../../server/store/data-keys.ts';
import { openReader, openSqlite } from '../../../server/store/sqlite.ts';
import { Device } from '../../fixture/device.ts';
import { orderOf } from '../../fixture/orders.ts';
import { digest, principal } from '../../fixture/unlocks.ts';
import { advance, ambient, config, hurry, never, open, sealedBy } from './site.ts';

test('every sealed column of the tables is sealed anew by a rotation: the list has all of them', async () => {
  const { read, close } = openReader(databaseFile(config));
  const { rows } = await sql<{ name: string }>`
    select m.name || '.' || p.name as name from sqlite_master m, pragma_table_info(m.name) p
    where m.type = 'table' and p.name like 'sealed%'`.execute(read);
  close();
  assert.deepEqual(
    rows.map(({ name }) => name).sort(),
    sealedColumns.map(({ table, column }) => `${table}.${column}`).sort(),
  );
});

test('a new data key seals at once; older rows are sealed anew, and the old key ends once nothing can be under way', async () => {
  const [first] = await open(({ read }) => readDataKeys(read));
  const key = await rotateDataKey(config, ambient);
  await open(async (services) => {
    assert.deepEqual([services.sealer.newest.id, services.sealer.older], [key, [first?.id]]);
    const station = await principal(services, ['station'], 'line-2');
    await registerModule(services, station, {
      ...{ hwid: 'QC-ROTATE-03', key: new Device().key },
      order: await orderOf(services, station),
    });
    assert.deepEqual(await sealedBy(services), new Set([first?.id, key]));
    await keepOnce(services, hurry, never);
    assert.deepEqual(await sealedBy(services), new Set([key]));
    assert.deepEqual(services.sealer.older, [first?.id], 'a request may still bring a row of the old key');
    advance(600_000);
    await keepOnce(services, hurry, never);
    assert.deepEqual(
      (await readDataKeys(services.read)).map(({ id }) => id),
      [key],
    );
    const { items } = await services.reader.search({ type: 'data-key.removed', limit: 9 });
    assert.equal(items.length, 1);
  });
  await open(sealedBy);
});

test('a new data key is the newest, although the clock went back', async () => {
  await open(async ({ sealer }) => {
    for (const step of [0, -3_600_000]) {
      advance(step);
      const key = await sealer.replace();
      assert.equal(sealer.newest.id, key);
    }
  });
  advance(3_600_000);
});

test('a running server takes up a data key that another process made, and seals with it', async () => {
  await open(async (services) => {
    const before = services.sealer.newest.id;
    const key = await rotateDataKey(config, ambient);
    assert.equal(services.sealer.newest.id, before);
    await services.sealer.tend();
    assert.equal(services.sealer.newest.id, key);
    assert.equal(sealedUnder(services.sealer.seal(Buffer.of(1), anything)), key);
  });
});

const anything = { purpose: 'password', subject: 'QC-ROTATE-09', version: 1 } as const;

test('a pass that is cut off is finished by the next, and a row sealed meanwhile is not overwritten', async () => {
  await rotateDataKey(config, ambient);
  await open(async (services) => {
    const stopping = new AbortController();
    const parts = { ...services, keyring: services.sealer, pause: hurry };
    stopping.abort();
    assert.equal(await resealAll({ ...parts, stopping: stopping.signal }), false);
    assert.equal((await sealedBy(services)).size, 1);
    assert.equal(await resealAll({ ...parts, stopping: never }), true);
    assert.deepEqual(await sealedBy(services), new Set([services.sealer.newest.id]));
  });
});

test('a module that takes its offline bundle over while rows are sealed anew is not left behind', async () => {
  await open(async (services) => {
    const { read, sealer } = services;
    const station = await principal(services, ['station'], 'line-3');
    const order = await orderOf(services, station);
    const { jti, bundle } = await offlineBundle(services, station, order);
    const made = await madeWith(jti, bundle);
    const key = await rotateDataKey(config, ambient);
    await sealer.tend();
    let registered = false;
    const commit: OpenServices['commit'] = async (author, fn) => {
      const committed = await services.commit(author, fn);
      const modules = await read.selectFrom('modules').select('sealed_bundle').execute();
      const done = modules.every(({ sealed_bundle }) => sealedUnder(sealed_bundle) === key);
      if (done && !registered) {
        registered = true;
        await registerModule(services, station, { ...made, order });
      }
      return committed;
    };
    assert.ok(await resealAll({ ...services, commit, keyring: sealer, pause: hurry, stopping: never }));
    assert.deepEqual([registered, await sealedBy(services)], [true, new Set([key])]);
  });
});

/** A module that holds an offline bundle, and its word for it. */
async function madeWith(jti: string, bundle: string) {
  const device = new Device();
  device.pwv = 0;
  const receipt = await device.receipt('provisioned', jti, { dig: digest(bundle) });
  return { hwid: device.hwid, key: device.key, receipt };
}

test('a row that does not open stays as it is, and keeps its data key', async () => {
  const store = await openSqlite(databaseFile(config));
  const { sealed } = await store.read
    .selectFrom('passwords')
    .select('sealed')
    .limit(1)
    .executeTakeFirstOrThrow();
  await store.write.updateTable('passwords').set({ sealed }).where('hwid', '=', 'QC-ROTATE-02').execute();
  await store.close();
  await rotateDataKey(config, ambient);
  await open(async (services) => {
    advance(600_000);
    await keepOnce(services, hurry, never);
    assert.equal((await readDataKeys(services.read)).length, 2);
    const row = await services.read
      .selectFrom('passwords')
      .select('sealed')
      .where('hwid', '=', 'QC-ROTATE-02')
      .executeTakeFirstOrThrow();
    assert.deepEqual(Buffer.from(row.sealed), Buffer.from(sealed));
  });
});

test('uses are on disk before they happen: no crash forgets one, and no two processes share one', async () => {
  const uses = async () => (await open(({ read }) => readDataKeys(read)))[0]?.uses ?? 0;
  const before = await uses();
  await open(async ({ sealer, read }) => {
    const reserved = (await readDataKeys(read))[0]?.uses ?? 0;
    for (let use = 0; use < 40_000; use += 1) sealer.seal(Buffer.of(1), anything);
    while ((await readDataKeys(read))[0]?.uses === reserved) await new Promise((done) => setImmediate(done));
  });
  assert.equal((await uses()) - before, 4 * 2 ** 16 - 2 ** 16);
});

test('a data key is replaced long before 2³⁰ uses; one that has none left seals nothing', async () => {
  const use = async (uses: number) => {
    const store = await openSqlite(databaseFile(config));
    await store.write.updateTable('data_keys').set({ uses }).execute();
    await store.close();
  };
  await use(MOST_USES / 2);
  await open(async (services) => {
    const before = services.sealer.newest.id;
    await keepOnce(services, hurry, never);
    assert.notEqual(services.sealer.newest.id, before);
    assert.deepEqual(await sealedBy(services), new Set([services.sealer.newest.id]));
  });
  await use(MOST_USES);
  await open(async ({ sealer }) => {
    assert.equal(sealer.usable, false);
    assert.throws(() => sealer.seal(Buffer.of(1), anything), /cannot be counted/);
    await sealer.tend();
    assert.ok(sealer.usable, 'the next one takes its place');
  });
});

test('a data key is replaced in the midst of an import: no line is refused, every row opens', async () => {
  await open(async (services) => {
    const { sealer, read } = services;
    const station = await principal(services, ['station'], 'line-2');
    const order = await orderOf(services, station);
    const before = sealer.newest.id;
    async function* lines(): AsyncGenerator<Line> {
      for (let number = 1; number <= 40; number += 1) {
        const { hwid, key } = new Device();
        yield { number, bytes: Buffer.from(JSON.stringify({ hwid, key, order })) };
        if (number !== 20) continue;
        // Half of what it is good for: as near the limit as it gets.
        await services.commit(SERVER, ({ db }) =>
          db
            .updateTable('data_keys')
            .set({ uses: MOST_USES / 2 })
            .execute(),
        );
        await sealer.tend();
      }
    }
    const said: string[] = [];
    for await (const { status } of importModules(services, station, lines(), never)) said.push(status);
    assert.deepEqual(said, Array(40).fill('registered'));
    assert.notEqual(sealer.newest.id, before);
    assert.deepEqual(await sealedBy(services), new Set([before, sealer.newest.id]));
    const [, newest] = await readDataKeys(read);
    assert.ok((newest?.uses ?? MOST_USES) <= 2 ** 17, 'the new one counts its own uses');
    // A bundle that nobody has asked for yet is no row that does not open.
    await keepOnce(services, hurry, never);
    assert.deepEqual(await sealedBy(services), new Set([sealer.newest.id]));
  });
});
