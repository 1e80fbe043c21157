import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { sql } from 'kysely';
import { ModuleQuery } from '../protocol/api/modules.ts';
import { selectModules } from '../server/decisions/look.ts';
import { databaseFile } from '../server/services.ts';
import { openReader } from '../server/store/sqlite.ts';
import { type Client, done } from '../test/fixture/client.ts';
import { Deployment } from '../test/fixture/deployment.ts';
import { fillModules, nth } from './modules.ts';
import type { Row } from './row.ts';

/** Milliseconds that 99 of 100 lookups may take. */
const LIMIT = 10;
const LOOKUPS = 1000;

/** What is asked, of a module picked by chance. */
const lookups: Readonly<Record<string, (n: number) => string>> = {
  'by hardware ID': (n) => `/${nth(n).hwid}`,
  'by IMEI': (n) => `?imei=${nth(n).imei}`,
  'by order, a page': (n) => `?order=${nth(n).order}&after=${nth(n).hwid}`,
  'by state, a page': (n) => `?state=registered&after=${nth(n).hwid}`,
  'by order and state, a page': (n) => `?order=${nth(n).order}&state=registered`,
};

/**
 * Looks modules up over the API, over mutual TLS, while there are so many: the 99th percentile of each lookup
 * beside its limit, and beside that at the first size.
 * @param sizes ascending
 */
export async function* lookupRows(sizes: readonly number[]): AsyncGenerator<readonly Row[]> {
  const { deployment, code } = await Deployment.make();
  const file = databaseFile({ dataDir: join(deployment.dir, 'data') });
  const first = new Map<string, number>();
  let filled = 0;
  let officer: Client | undefined;
  try {
    for (const size of sizes) {
      fillModules(file, filled, size);
      filled = size;
      const server = await deployment.start();
      officer ??= await deployment.redeem(code);
      yield await measure(officer, size, first);
      server.child.kill('SIGTERM');
      await server.gone;
    }
    await showPlans(file);
  } finally {
    deployment.remove();
  }
}

async function measure(client: Client, size: number, first: Map<string, number>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, path] of Object.entries(lookups)) {
    const taken: number[] = [];
    for (let i = 0; i < LOOKUPS; i += 1) {
      const wanted = path(randomInt(size));
      const start = performance.now();
      await done(client.get(`/v1/modules${wanted}`));
      taken.push(performance.now() - start);
    }
    const value = taken.sort((a, b) => a - b)[Math.floor(LOOKUPS * 0.99)] ?? Number.NaN;
    const before = first.get(name) ?? value;
    first.set(name, before);
    const row = { name: `${name}, of ${size.toLocaleString('en')}: 99th percentile`, value, unit: 'ms' };
    rows.push({ ...row, beside: { name: 'of the 10 ms allowed', value: LIMIT }, most: 1 });
    rows.push({ ...row, name: '', beside: { name: 'of that at the first size', value: before } });
  }
  return rows;
}

/** How SQLite finds each page: by an index that has the order already, never by a scan or a sort. */
async function showPlans(file: string): Promise<void> {
  const { read, close } = openReader(file);
  const { hwid: after, imei, order } = nth(0);
  const state = 'registered';
  for (const asked of [{ imei }, { order, after }, { state, after }, { order, state }, { after }]) {
    const plan = await selectModules(read, ModuleQuery.parse(asked)).explain(undefined, sql`query plan`);
    console.log(Object.keys(asked).join(', ').padEnd(16), ...plan.map(({ detail }) => detail));
  }
  close();
}
