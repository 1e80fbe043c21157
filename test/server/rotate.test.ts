import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { pino } from 'pino';
import { KeyFault } from '../../keys/fault.ts';
import { beginNextKek, loadKeks } from '../../keys/kek.ts';
import type { KeyEncryptingKey } from '../../keys/keys.ts';
import { makeKek, sealedUnder } from '../../keys/seal.ts';
import { SERVER } from '../../protocol/events.ts';
import type { Line } from '../../protocol/lines.ts';
import { check } from '../../server/commands/check.ts';
import { init } from '../../server/commands/init.ts';
import { rotateDataKey, rotateKek } from '../../server/commands/rotate.ts';
import type { Config } from '../../server/config.ts';
import { readConfig } from '../../server/config-file.ts';
import { importModules } from '../../server/decisions/import.ts';
import { offlineBundle } from '../../server/decisions/offline.ts';
import { registerModule } from '../../server/decisions/register.ts';
import { revealPassword } from '../../server/decisions/reveal.ts';
import { issueToken } from '../../server/decisions/token.ts';
import { keepOnce } from '../../server/keep.ts';
import { Keyring } from '../../server/keyring.ts';
import { openPassword } from '../../server/passwords.ts';
import { resealAll, sealedColumns } from '../../server/reseal.ts';
import { type Ambient, databaseFile, type OpenServices, openServices } from '../../server/services.ts';
import { MOST_USES, readDataKeys } from '../../server/store/data-keys.ts';
import { openReader, openSqlite } from '../../server/store/sqlite.ts';
import { copyTree } from '../fixture/copy.ts';
import { Device } from '../fixture/device.ts';
import { orderOf } from '../fixture/orders.ts';
import { digest, principal, provisioned, requested } from '../fixture/unlocks.ts';

const top = mkdtempSync(join(tmpdir(), 'latchkey-rotate-'));
const [made, dir] = [join(top, 'made'), join(top, 'used')];
let config: Config;
let now = Date.now();
const ambient: Ambient = {
  clock: () => new Date(now),
  random: randomBytes,
  version: '0.0.0-test',
  diagnostics: pino({ level: 'silent' }),
};
const hurry = async () => {};
const never = new AbortController().signal;

before(async () => {
  // Made once, with something sealed in every column.
  const file = join(made, 'latchkey.yaml');
  copyTree(mkdtempSync(join(tmpdir(), 'latchkey-empty-')), made);
  writeFileSync(file, 'iss: latchkey.test\ndataDir: data\nkek: etc/kek\n');
  await init(readConfig(file), ambient);
  const services = await openServices(readConfig(file), ambient);
  const alice = await principal(services, ['engineer'], 'alice');
  const station = await principal(services, ['station'], 'line-1');
  for (const hwid of ['QC-ROTATE-01', 'QC-ROTATE-02']) {
    const device = await provisioned(services, station, new Device(hwid));
    const id = await requested(services, alice, device);
    await issueToken(services, alice, id, await device.challenge());
    await revealPassword(services, alice, id);
  }
  await services.close();
});
beforeEach(() => {
  copyTree(made, dir);
  config = readConfig(join(dir, 'latchkey.yaml'));
});
afterEach(() => rmSync(dir, { recursive: true }));
after(() => rmSync(top, { recursive: true }));

/** Runs `work` on an open server, and asserts that its log is sound after. */
async function open<T>(work: (services: OpenServices) => Promise<T>): Promise<T> {
  const services = await openServices(config, ambient);
  try {
    return await work(services);
  } finally {
    await services.close();
    const differences: string[] = [];
    await check(config, (difference) => differences.push(difference));
    assert.deepEqual(differences, []);
  }
}

/** Ids of the data keys that rows are sealed under; every row opens. */
async function sealedBy({ read, sealer }: OpenServices): Promise<Set<string | undefined>> {
  const used = new Set<string | undefined>();
  for (const { table, column, subject, version, purpose } of sealedColumns) {
    const number = typeof version === 'string' ? sql.ref(version) : sql.lit(version);
    const { rows } = await sql<{ sealed: Uint8Array; subject: string; version: number }>`
      select ${sql.ref(column)} as sealed, ${sql.ref(subject)} as subject, ${number} as version
      from ${sql.table(table)} where length(${sql.ref(column)}) > 0`.execute(read);
    assert.ok(
      rows.length > 0 || table === 'offline_bundles',
      `nothing is sealed in ${table}.${column}: the test shows nothing`,
    );
    for (const row of rows) {
      sealer.open(row.sealed, { purpose, subject: row.subject, version: row.version });
      used.add(sealedUnder(row.sealed));
    }
  }
  return used;
}

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
    now += 600_000;
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
      now += step;
      const key = await sealer.replace();
      assert.equal(sealer.newest.id, key);
    }
  });
  now += 3_600_000;
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
    now += 600_000;
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

test('a new KEK wraps every data key, takes the place of the old one, and the old one opens nothing', async () => {
  await rotateDataKey(config, ambient);
  const before = readFileSync(config.kek, 'utf8');
  assert.equal((await rotateKek(config, ambient)).keys.length, 2);
  assert.notEqual(readFileSync(config.kek, 'utf8'), before);
  assert.deepEqual(readdirSync(join(dir, 'etc')), ['kek']);
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

test('the database without the KEK gives nothing: no password, token, challenge, bundle or code stands in the file', async () => {
  const secrets: string[] = [];
  await open(async (services) => {
    const { read, sealer } = services;
    for (const { hwid, ver, sealed } of await read.selectFrom('passwords').selectAll().execute()) {
      const password = openPassword(services, hwid, ver, sealed);
      secrets.push(password, password.replaceAll('-', ''));
    }
    for (const row of await read.selectFrom('grants').selectAll().execute()) {
      const sealedFor = { subject: row.unlock, version: row.turn };
      secrets.push(
        Buffer.from(sealer.open(row.sealed_token, { purpose: 'token', ...sealedFor })).toString(),
        Buffer.from(sealer.open(row.sealed_challenge, { purpose: 'challenge', ...sealedFor })).toString(),
      );
    }
    for (const { bundle_jti, sealed_bundle } of await read.selectFrom('modules').selectAll().execute()) {
      const bundle = sealer.open(sealed_bundle, { purpose: 'bundle', subject: bundle_jti, version: 1 });
      secrets.push(Buffer.from(bundle).toString());
    }
    for (const { id, sealed_code } of await read.selectFrom('enrolments').selectAll().execute()) {
      if (sealed_code === null) continue;
      secrets.push(
        Buffer.from(sealer.open(sealed_code, { purpose: 'enrolment', subject: id, version: 0 })).toString(),
      );
    }
  });
  assert.ok(secrets.length >= 11);
  const files = readdirSync(config.dataDir).filter((name) => name.startsWith('latchkey.db'));
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(config.dataDir, name))));
  assert.ok(bytes.includes('QC-ROTATE-01'), 'what is not sealed is found: the search works');
  for (const secret of secrets) {
    for (const part of [secret.slice(0, 24), secret.slice(-24)]) {
      // The header of a JWS is no secret; what follows it is.
      if (!part.startsWith('eyJhbGci')) assert.equal(bytes.includes(part), false);
    }
  }
  writeFileSync(config.kek, `${randomBytes(32).toString('base64url')}\n`);
  await assert.rejects(openServices(config, ambient), KeyFault);
});

test('no sealed row opens in the place of another: of its column, or of any other', async () => {
  await open(async ({ read, sealer }) => {
    const all: { place: string; sealed: Uint8Array; subject: string; version: number }[] = [];
    for (const { table, column, subject, version } of sealedColumns) {
      const number = typeof version === 'string' ? sql.ref(version) : sql.lit(version);
      const { rows } = await sql<{ sealed: Uint8Array; subject: string; version: number }>`
        select ${sql.ref(column)} as sealed, ${sql.ref(subject)} as subject, ${number} as version
        from ${sql.table(table)} where length(${sql.ref(column)}) > 0`.execute(read);
      all.push(...rows.map((row) => ({ ...row, place: `${table}.${column}` })));
    }
    const purposes = new Map(sealedColumns.map((one) => [`${one.table}.${one.column}`, one.purpose]));
    for (const from of all) {
      for (const to of all) {
        const { place, subject, version } = to;
        const purpose = purposes.get(place) ?? 'password';
        const attempt = () => sealer.open(from.sealed, { purpose, subject, version });
        if (from === to) attempt();
        else assert.throws(attempt, KeyFault, `${from.place} in the place of ${place}`);
      }
    }
  });
});
