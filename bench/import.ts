import { createECDH } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Order } from '../protocol/api/orders.ts';
import { type Client, done } from '../test/fixture/client.ts';
import { Deployment } from '../test/fixture/deployment.ts';
import { run } from '../test/fixture/program.ts';
import { type HashCost, hashes } from './hashing.ts';
import { cpuSeconds, memory } from './process.ts';
import type { Row } from './row.ts';

const ORDER = 'A-7731';
/** What the first and the last part of a run are held against each other by; of a short run, a quarter. */
const PART = 10_000;
const HASHING = 3;
/** Milliseconds between two looks. */
const PACE = 100;
/** Of the issue. */
const LEAST = 0.5;

/** How far an import was, when, and what both ends held in memory, in MiB. */
interface Look {
  readonly seconds: number;
  readonly registered: number;
  readonly server: number;
  readonly client: number;
  /** CPU seconds of both ends. */
  readonly cpu: number;
}

/**
 * `latchkey modules import` of so many new modules: two processes, mutual TLS, every commit synced and logged, beside
 * what the cores do of bare hashes just before and just after.
 */
export async function imports(count: number): Promise<Row[]> {
  const { deployment, code } = await Deployment.make();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const server = await deployment.start();
  try {
    const officer = await deployment.redeem(code);
    const invited = await station(officer);
    await done(officer.post('/v1/orders', { name: ORDER, quantity: count, stations: ['line-1'] }));
    await latchkey(dir, 'enroll', invited).ended;
    const file = join(dir, 'modules.ndjson');
    writeModules(file, count);
    const earlier = await hashes(availableParallelism(), HASHING);
    const looks = await watched(officer, server.child.pid, latchkey(dir, 'modules', 'import', file), count);
    const later = await hashes(availableParallelism(), HASHING);
    const mean = (member: keyof HashCost) => (earlier[member] + later[member]) / 2;
    return rows(count, looks, { perSecond: mean('perSecond'), cpu: mean('cpu') });
  } finally {
    server.child.kill('SIGTERM');
    await server.gone;
    deployment.remove();
    rmSync(dir, { recursive: true });
  }
}

function latchkey(home: string, ...args: string[]) {
  return run('cli/main.js', '--home', join(home, 'line-1'), ...args);
}

async function station(officer: Client): Promise<string> {
  const once = () => ({ 'Idempotency-Key': crypto.randomUUID() });
  const body = { name: 'line-1', kind: 'station', roles: ['station'] };
  await done(officer.post('/v1/principals', body, once()));
  const { json } = await done(officer.post('/v1/enrolments', { principal: 'line-1' }, once()));
  return (json as { code: string }).code;
}

/** Each with a device key of its own, as a line makes them: in no order of hardware ID that an index likes. */
function writeModules(file: string, count: number): void {
  const target = openSync(file, 'w');
  for (let place = 0; place < count; place += 1) {
    // Not generateKeyPairSync(): see keys/material.ts; so many keys meet it for sure. SEC 1 §2.3.3: 4, x, y.
    const point = createECDH('prime256v1').generateKeys();
    const x = point.toString('base64url', 1, 33);
    const y = point.toString('base64url', 33, 65);
    const hwid = `LTE4-${((place * 2_654_435_761) % 2 ** 32).toString(16).toUpperCase().padStart(8, '0')}`;
    writeSync(target, `${JSON.stringify({ hwid, key: { x, y }, order: ORDER })}\n`);
  }
  closeSync(target);
}

async function watched(
  officer: Client,
  server: number | undefined,
  { child, ended }: ReturnType<typeof latchkey>,
  count: number,
): Promise<Look[]> {
  const looks: Look[] = [];
  const start = performance.now();
  const look = async () => {
    const { registered } = Order.parse((await done(officer.get(`/v1/orders/${ORDER}`))).json);
    const seconds = (performance.now() - start) / 1000;
    // What has ended just now has no entry any more.
    if (child.exitCode !== null || child.signalCode !== null) return;
    const cpu = cpuSeconds(server) + cpuSeconds(child.pid);
    looks.push({ seconds, registered, server: memory(server), client: memory(child.pid), cpu });
  };
  // Its end may come before the last look: the rest is as fast as what was seen.
  while ((looks.at(-1)?.registered ?? 0) < count && child.exitCode === null) {
    await look();
    await sleep(PACE);
  }
  const { code, stdout, stderr } = await ended;
  if (code !== 0) throw new Error(`latchkey modules import: ${stderr}${stdout}`);
  return looks;
}

function rows(asked: number, looks: readonly Look[], hash: HashCost): Row[] {
  const count = looks.at(-1)?.registered ?? 0;
  const part = Math.min(PART, Math.floor(count / 4));
  const of = (from: number, to: number) => (to - from) / (timeAt(looks, to) - timeAt(looks, from));
  // What comes before the first few is the start of a process.
  const settled = Math.floor(part / 10);
  const [first, last] = [of(settled, part), of(count - part, count)];
  const tenth = looks.find(({ registered }) => registered >= count / 10) ?? looks[0];
  const most = (end: 'server' | 'client') => Math.max(...looks.map((look) => look[end]));
  const beside = (end: 'server' | 'client') => ({ name: 'after a tenth', value: tenth?.[end] ?? Number.NaN });
  const n = asked.toLocaleString('en');
  const [begin, end] = [looks.find(({ registered }) => registered >= settled), looks.at(-1)];
  const spent = (end?.cpu ?? 0) - (begin?.cpu ?? 0);
  const cpu = (spent * 1000) / (count - (begin?.registered ?? 0));
  return [
    { name: 'bare $6$ hashes, all cores', value: hash.perSecond, unit: '/s' },
    {
      name: `registrations by import, of ${n}`,
      value: of(settled, count),
      unit: '/s',
      beside: { name: 'bare hashes', value: hash.perSecond },
      least: LEAST,
    },
    {
      name: 'CPU per registration, of server and client',
      value: cpu,
      unit: 'ms',
      beside: { name: 'CPU per bare hash', value: hash.cpu },
    },
    {
      name: `the last ${part.toLocaleString('en')} of them`,
      value: last,
      unit: '/s',
      beside: { name: 'the first', value: first },
    },
    { name: 'memory of the server, most', value: most('server'), unit: 'MiB', beside: beside('server') },
    { name: 'memory of the client, most', value: most('client'), unit: 'MiB', beside: beside('client') },
  ];
}

/** When so many were registered: between two looks, as if it had gone evenly. */
function timeAt(looks: readonly Look[], count: number): number {
  const after = looks.findIndex(({ registered }) => registered >= count);
  const [one, two] = [looks[after - 1], looks[after]];
  if (two === undefined) return Number.NaN;
  if (one === undefined) return two.seconds;
  const share = (count - one.registered) / (two.registered - one.registered);
  return one.seconds + share * (two.seconds - one.seconds);
}
