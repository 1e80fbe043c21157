import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { KeyFault } from '../../../keys/fault.ts';
import { openPassword } from '../../../server/passwords.ts';
import { sealedColumns } from '../../../server/reseal.ts';
import { openServices } from '../../../server/services.ts';
import { ambient, config, open } from './site.ts';

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
