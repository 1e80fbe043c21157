import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach } from 'node:test';
import { sql } from 'kysely';
import { pino } from 'pino';
import { sealedUnder } from '../../../keys/seal.ts';
import { check } from '../../../server/commands/check.ts';
import { init } from '../../../server/commands/init.ts';
import type { Config } from '../../../server/config.ts';
import { readConfig } from '../../../server/config-file.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import { sealedColumns } from '../../../server/reseal.ts';
import { type Ambient, type OpenServices, openServices } from '../../../server/services.ts';
import { copyTree } from '../../fixture/copy.ts';
import { Device } from '../../fixture/device.ts';
import { principal, provisioned, requested } from '../../fixture/unlocks.ts';

const top = mkdtempSync(join(tmpdir(), 'latchkey-rotate-'));
const [made, used] = [join(top, 'made'), join(top, 'used')];
let now = Date.now();
export const ambient: Ambient = {
  clock: () => new Date(now),
  random: randomBytes,
  version: '0.0.0-test',
  diagnostics: pino({ level: 'silent' }),
};
/** The clock goes on, by milliseconds; below zero it is set back. */
export function advance(by: number): void {
  now += by;
}

/** Passes over the pauses of a rotation. */
export const hurry = async () => {};
export const never = new AbortController().signal;

/** Of a deployment that each test has a copy of to itself. */
export const config = await makeOnce();

beforeEach(() => {
  copyTree(made, used);
});
afterEach(() => rmSync(used, { recursive: true }));
after(() => rmSync(top, { recursive: true }));

/** Runs `work` on an open server, and asserts that its log is sound after. */
export async function open<T>(work: (services: OpenServices) => Promise<T>): Promise<T> {
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
export async function sealedBy({ read, sealer }: OpenServices): Promise<Set<string | undefined>> {
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

/** With something sealed in every column. */
async function makeOnce(): Promise<Config> {
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
  copyTree(made, used);
  return readConfig(join(used, 'latchkey.yaml'));
}
