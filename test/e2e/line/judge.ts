import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readDeviceKey } from '../../../module/simulator/device-key.ts';
import { openReader } from '../../../server/store/sqlite.ts';
import { ok } from '../../cli/answers.ts';
import { run } from '../../fixture/program.ts';
import { type Factory, ORDER } from './factory.ts';
import type { Module } from './module.ts';

const Flash = z.looseObject({
  hwid: z.string(),
  deviceKey: z.string(),
  provisioned: z.boolean(),
  pw: z.object({ ver: z.int(), hash: z.string() }),
});

/** Holds what the server and the station have against what is on the modules' own flash. */
export async function judge(factory: Factory): Promise<void> {
  const { station, officer, deployment } = factory;
  const own = factory.modules.map(onFlash);
  assert.deepEqual(
    await onServer(factory),
    own,
    'one identity each, one password in force, the same on both sides',
  );
  assert.equal(new Set(own.map(({ dkt }) => dkt)).size, own.length);
  const [retired] = factory.modules;
  await ok(officer.latchkey('modules', 'retire', retired?.hwid ?? '', '--why', 'broken', '--json'));
  const { registered, confirmed, failed } = await ok(officer.latchkey('orders', 'show', ORDER, '--json'));
  assert.deepEqual(
    { registered, confirmed, failed },
    {
      registered: own.length - 1,
      confirmed: own.length - 1,
      failed: 1,
    },
  );
  const labels = factory.modules.map(({ hwid, imei }) => `${hwid},${imei},${ORDER}`);
  const printed = readFileSync(factory.labels, 'utf8').trimEnd().split('\n');
  assert.deepEqual(printed.sort(), ['hwid,imei,order', ...labels].sort(), 'one label each');
  const journal = await ok(station.latchkey('journal', 'list', '--json'));
  assert.deepEqual(journal, { waiting: [], refused: [], damaged: [] });
  assert.equal((await ok(officer.latchkey('log', 'verify', '--json'))).entries, true);
  const checked = await run('server/main.js', '-c', deployment.config, 'check').ended;
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
}

interface Known {
  readonly hwid: string;
  readonly dkt: string;
  readonly state: string;
  readonly ver: number;
  readonly hash: string;
}

function onFlash({ hwid, flash }: Module): Known {
  const state = Flash.parse(JSON.parse(readFileSync(join(flash, 'state.json'), 'utf8')));
  const [, hash = ''] = readFileSync(join(flash, 'shadow'), 'utf8').split(':');
  assert.deepEqual([state.provisioned, state.pw.hash], [true, hash], hwid);
  return {
    hwid,
    dkt: readDeviceKey(state.deviceKey).signer.kid,
    state: 'confirmed',
    ver: state.pw.ver,
    hash,
  };
}

/** By hardware ID, with the password row of the version in force, of which there is no more than one. */
async function onServer({ deployment }: Factory): Promise<Known[]> {
  const { read, close } = openReader(join(deployment.dir, 'data/latchkey.db'));
  try {
    const bundles = await read.selectFrom('offline_bundles').select(['jti', 'taken']).execute();
    const modules = await read.selectFrom('modules').selectAll().orderBy('hwid').execute();
    for (const { jti, taken } of bundles)
      assert.equal(
        taken,
        modules.filter(({ bundle_jti }) => bundle_jti === jti).length,
        'modules by the bundle',
      );
    const rows = await read.selectFrom('passwords').select(['hwid', 'ver', 'hash']).execute();
    const hashes = new Map(rows.map(({ hwid, ver, hash }) => [`${hwid} ${ver}`, hash]));
    return modules.map(({ hwid, dkt, state, pwv }) => {
      return { hwid, dkt, state, ver: pwv ?? 0, hash: hashes.get(`${hwid} ${pwv}`) ?? '' };
    });
  } finally {
    close();
  }
}
