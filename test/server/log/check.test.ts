import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sql } from 'kysely';
import type { LogEvent } from '../../../protocol/events.ts';
import { encodeEvent } from '../../../protocol/events.ts';
import { leafHash } from '../../../protocol/merkle.ts';
import { checkLog } from '../../../server/log/check.ts';
import { databaseFile } from '../../../server/services.ts';
import type { ModuleRow } from '../../../server/store/schema.ts';
import { openReader } from '../../../server/store/sqlite.ts';
import { clientKey, done } from '../../fixture/client.ts';
import { codeFor, publicMembers } from '../../fixture/enrolled.ts';
import { startServer } from '../../fixture/server.ts';
import { assertSound } from '../../fixture/sound.ts';
import { LogBench, ORIGIN, revealed } from './bench.ts';

/** 700 events about one password, and the row that they leave. */
async function sound(bench: LogBench): Promise<void> {
  const { log, close } = await bench.open();
  await log.commit(async ({ db }) => {
    await db.insertInto('modules').values(module).execute();
    await db
      .insertInto('passwords')
      .values({ ...password, hwid: 'MODULE-0001' })
      .execute();
  });
  await log.commit(async (tx) => {
    await tx.append(registered);
  });
  for (let batch = 0; batch < 7; batch += 1) {
    await log.commit(async (tx) => {
      for (let place = 0; place < 100; place += 1) await tx.append(revealed(1));
    });
  }
  await close();
}

async function check(bench: LogBench, copy: string | undefined = readFileSync(bench.copy, 'utf8')) {
  const differences: string[] = [];
  const { read, close } = openReader(bench.file);
  const identity = { origin: ORIGIN, verifiers: [bench.signer] };
  const checked = await checkLog({ read, identity, copy }, (difference) => differences.push(difference));
  close();
  assert.equal(checked.differences, differences.length);
  return { ...checked, differences };
}

test('a sound log and its tables pass', async (t) => {
  const bench = new LogBench(t);
  await sound(bench);
  assert.deepEqual(await check(bench), { events: 701, differences: [] });
});

test('whatever is changed in the log’s own rows is found, wherever it stands', async (t) => {
  const bench = new LogBench(t);
  await sound(bench);
  bench.save('sound');
  const forged = encodeEvent({ ...revealed(1, 'mallory'), at: '2026-11-01T00:00:09.000Z' } as LogEvent);
  const changes: [string, RegExp][] = [
    [`update log_leaves set leaf = x'${hex(forged)}' where idx = 5`, /event 5 is not what was hashed/],
    [
      `update log_leaves set leaf = x'${hex(forged)}', hash = x'${hex(leafHash(forged))}', "by" = 'mallory' where idx = 5`,
      /do not make the root that was signed/,
    ],
    [
      'update log_leaves set "by" = \'bob\' where idx = 6',
      /event 6: its by is alice, but it is filed under bob/,
    ],
    ['update log_leaves set hwid = null where idx = 6', /event 6: its hwid is MODULE-0001/],
    ['update log_leaves set hash = zeroblob(32) where idx = 7', /event 7 is not what was hashed/],
    ['delete from log_leaves where idx = 300', /event 300 is missing: event 301 stands in its place/],
    ['delete from log_leaves where idx = 700', /there are 700 events under a checkpoint over 701/],
    ['update log_leaves set idx = -1 where idx = 0', /event 0 is missing/],
    ["update log_leaves set leaf = cast('{}' as blob) where idx = 8", /event 8 is not a canonical event/],
    [
      'update log_nodes set hash = zeroblob(32) where idx = 0',
      /node 0 of level 8 is not what its events make/,
    ],
    ['delete from log_nodes where idx = 1', /node 1 of level 8 is missing/],
    ['insert into log_nodes values (16, 0, zeroblob(32))', /3 stored nodes where 701 events make 2/],
    ['update log_head set size = 5', /the log's head says 5 events, its checkpoint 701/],
    ["update log_head set checkpoint = replace(checkpoint, '701', '700')", /is not this log's/],
    ['delete from log_head', /the log has no checkpoint/],
  ];
  for (const [statement, message] of changes) {
    bench.restore('sound', 'latchkey.db');
    await bench.meddle(({ write }) => sql.raw(statement).execute(write));
    const { differences } = await check(bench);
    assert.ok(
      differences.some((words) => message.test(words)),
      `${statement}: ${differences.join('; ')}`,
    );
  }
});

test('swapped events are found, though every row is a true one', async (t) => {
  const bench = new LogBench(t);
  await sound(bench);
  await bench.meddle(async ({ write }) => {
    for (const [from, to] of [
      [10, -1],
      [11, 10],
      [-1, 11],
    ]) {
      await sql`update log_leaves set idx = ${to} where idx = ${from}`.execute(write);
    }
  });
  const { differences } = await check(bench);
  assert.ok(differences.includes('the 701 events do not make the root that was signed'));
});

test('a log behind its copied checkpoint, or other than it, is found', async (t) => {
  const bench = new LogBench(t);
  await sound(bench);
  bench.save('sound');
  await bench.grow(1);
  bench.restore('sound', 'latchkey.db');
  const { differences } = await check(bench);
  assert.deepEqual(differences, ['the log holds 701 events, but a checkpoint over 702 was signed']);
  const other = new LogBench(t);
  Object.assign(other, { signer: bench.signer });
  await other.grow(3);
  const found = (await check(bench, readFileSync(other.copy, 'utf8'))).differences;
  assert.deepEqual(found, ["the first 3 events are not those that the checkpoint's copy was signed over"]);
});

test('a state table that the events do not account for is found, row and column', async (t) => {
  const bench = new LogBench(t);
  await sound(bench);
  bench.save('sound');
  const changes: [string, string][] = [
    [
      "update modules set state = 'confirmed'",
      'modules MODULE-0001: state is "confirmed", the events say "registered"',
    ],
    ["update modules set dkt = 'x'", `modules MODULE-0001: dkt is "x", the events say "${DIGEST}"`],
    ['update modules set granted_seq = 9', 'modules MODULE-0001: granted_seq is 9, the events say 0'],
    ['update passwords set revealed = null', 'passwords MODULE-0001 1: revealed is 0, the events say 1'],
    ['delete from passwords', 'passwords MODULE-0001 1: the events made this row, but it is not there'],
    [
      "insert into principals values ('k', 'k', 'd', 'mallory', 'person', '[\"officer\"]', 'enabled', '')",
      'principals mallory: the row is there, but no event made it',
    ],
    ["insert into manifests values (2, 'x', 0)", 'manifests 2: the row is there, but no event made it'],
  ];
  for (const [statement, words] of changes) {
    bench.restore('sound', 'latchkey.db');
    await bench.meddle(({ write }) => sql.raw(statement).execute(write));
    assert.deepEqual((await check(bench)).differences, [words], statement);
  }
});

test('what a running server did to principals, enrolments and certificates is what its log says', async () => {
  const server = await startServer();
  const officer = await server.client('officer');
  const engineer = await server.client('engineer', 'erna');
  await done(engineer.post('/v1/certificates/renew', { key: publicMembers(await clientKey(50)) }));
  await server.client('auditor', 'anna');
  await done(officer.post('/v1/principals/anna/disable'));
  await done(officer.post('/v1/principals/anna/enable'));

  // It asserts that there is no difference.
  await server.stop();
});

test('a withdrawn code that is made good again behind the server is found', async () => {
  const server = await startServer();
  const { services, store, keys } = server;
  const officer = await server.client('officer');
  const body = { name: 'anna', kind: 'person', roles: ['auditor'] };
  await done(officer.post('/v1/principals', body, { 'Idempotency-Key': 'a-fresh-key' }));
  await codeFor(services, 'anna');
  await done(officer.post('/v1/principals/anna/disable'));
  const withdrawn = store.write.updateTable('enrolments').where('principal', '=', 'anna');
  await withdrawn.set({ withdrawn: null }).execute();
  const meddled = assertSound(databaseFile(services.config), keys.keys);
  await assert.rejects(meddled, /withdrawn is 0, the events say 1/);
  await withdrawn.set({ withdrawn: services.clock().toISOString() }).execute();
  await server.stop();
});

const DIGEST = 'A'.repeat(43);
const JTI = '01931d2a-0000-7000-8000-00000000000b';
const registered = {
  type: 'module.registered',
  by: 'station-1',
  hwid: 'MODULE-0001',
  imei: null,
  order: null,
  dkt: DIGEST,
  jti: JTI,
  ver: 1,
  dig: DIGEST,
  state: 'registered',
} as const;
const module: ModuleRow = {
  ...{
    hwid: 'MODULE-0001',
    imei: null,
    order: null,
    customer: null,
    model: null,
    dkt: DIGEST,
    x: '',
    y: '',
    state: 'registered',
  },
  ...{ foreign_token: null, cleared_token: null, suspected: null, granted_seq: 0, pwv: null, pwv_seq: 0 },
  ...{ bundle_jti: JTI, bundle_digest: DIGEST, sealed_bundle: Buffer.alloc(1) },
  ...{ registered: '', registered_by: 'station-1', confirmed: null },
};
const password = {
  ver: 1,
  sealed: Buffer.alloc(1),
  hash: '',
  created: '',
  revealed: '2026-11-01T00:00:00.000Z',
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
