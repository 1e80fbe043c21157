import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { logOrigin } from '../../protocol/checkpoint.ts';
import { decodeEvent, type LogEvent } from '../../protocol/events.ts';
import { keyObject, type OkpJwk } from '../../protocol/jwk.ts';
import { noteVerifier } from '../../protocol/note.ts';
import { checkLog } from '../../server/log/check.ts';
import { openReader } from '../../server/store/sqlite.ts';
import { type Client, done } from '../fixture/client.ts';
import { Deployment } from '../fixture/deployment.ts';
import { Ledger, provision, Worker } from './ledger.ts';

/** The n-th call is the one to die at, for this many n up to the last; CI asks for all of them. */
const VALUES = Number(process.env['CRASH_VALUES'] ?? 30);
const LAST = 300;
/** Of each worker, by when the call must have been reached. */
const MOST_ANSWERS = 400;
const WORKERS = 3;
const CALLS = 'fdatasync,pwrite64,sendto,writev';

const dist = join(import.meta.dirname, '../..');
const strace = (to: string) => ['strace', '-f', '-qqq', '-o', to];

let deployment: Deployment;
let officer: Client;
let logKey: OkpJwk;
let workers: Worker[];
const ledger = new Ledger();

before(async () => {
  const made = await Deployment.make();
  deployment = made.deployment;
  const server = await deployment.start();
  officer = await deployment.redeem(made.code);
  const station = await deployment.enrol(officer, 'line-1', 'station', 'station');
  const { json } = await done(officer.get('/v1/keys'));
  const manifest = (json as { manifests: string[] }).manifests.at(-1) ?? '';
  logKey = (payloadOf(manifest) as { log: [OkpJwk] }).log[0];
  workers = await Promise.all(
    Array.from({ length: WORKERS }, async (_, place) => {
      const engineer = await deployment.enrol(officer, `eng-${place}`, 'person', 'engineer');
      return new Worker(engineer, await provision(station, ledger), ledger);
    }),
  );
  server.child.kill('SIGTERM');
  await server.gone;
});

after(() => deployment.remove());

test(`killed at each of ${VALUES} system calls under load, loses nothing (DESIGN section 6, Order)`, async () => {
  for (let place = 1; place <= VALUES; place += 1) {
    const value = Math.round((place * LAST) / VALUES);
    const inject = `inject=${CALLS}:signal=KILL:when=${value}`;
    const server = await deployment.start([...strace('/dev/null'), '-e', `trace=${CALLS}`, '-e', inject]);
    await Promise.all(workers.map((worker) => worker.run(MOST_ANSWERS)));
    server.child.kill('SIGTERM');
    await server.gone;
    assert.equal(server.child.signalCode, 'SIGKILL', `system call ${value} was never reached`);
    await judge(`after system call ${value}`);
  }
  assert.ok(ledger.entries.length > VALUES, 'hardly an answer came: the load does nothing');
});

test('a server that is left alone then goes on where the killed ones stood', async () => {
  const server = await deployment.start();
  assert.deepEqual(
    await Promise.all(workers.map((worker) => worker.run(8))),
    workers.map(() => 8),
  );
  server.child.kill('SIGTERM');
  await server.gone;
  await judge('at the end');
});

/** Holds what clients know against what is on disk. */
async function judge(when: string): Promise<void> {
  const file = join(deployment.dir, 'data/latchkey.db');
  const { read, close } = openReader(file);
  try {
    const rows = await read.selectFrom('log_leaves').select(['idx', 'leaf']).orderBy('idx').execute();
    const events = rows.map(({ leaf }) => decodeEvent(leaf));
    for (const { index, proves } of ledger.entries) {
      const event = events[index];
      assert.ok(event !== undefined && proves(event), `${when}: event ${index} is not what was acknowledged`);
    }
    const issued = events.filter((event): event is Issued => event?.type === 'unlock.issued');
    const nonces = new Set(issued.map(({ hwid, nonce }) => `${hwid} ${nonce}`));
    assert.equal(nonces.size, issued.length, `${when}: a nonce was granted twice`);
    const faults: string[] = [];
    const origin = logOrigin('latchkey.test');
    const identity = { origin, verifiers: [noteVerifier(origin, keyObject(logKey))] };
    const copy = readFileSync(join(deployment.dir, 'data/checkpoint'), 'utf8');
    await checkLog({ read, identity, copy }, (fault) => faults.push(fault));
    assert.deepEqual(faults, [], when);
  } finally {
    close();
  }
}

type Issued = Extract<LogEvent, { type: 'unlock.issued' }>;

test('the log is synced before the first byte of the answer leaves (order rule 1)', async () => {
  assert.match(await traceAnswers(dist), SYNCED);
});

test('without synchronous=FULL that test would fail', async () => {
  const copy = join(deployment.dir, 'meddled');
  mkdirSync(copy);
  cpSync(dist, join(copy, 'dist'), { recursive: true });
  cpSync(join(dist, '../package.json'), join(copy, 'package.json'));
  symlinkSync(join(dist, '../node_modules'), join(copy, 'node_modules'));
  const file = join(copy, 'dist/server/store/sqlite.js');
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, source.replace('synchronous = FULL', 'synchronous = OFF'));
  assert.notEqual(readFileSync(file, 'utf8'), source);
  assert.doesNotMatch(await traceAnswers(join(copy, 'dist')), SYNCED);
});

/** So many answers in a row, and before each a sync of the write-ahead log since the one before. */
const SYNCED = /(?:sync answer ){6}/;

/**
 * Runs requests on one connection against a traced server.
 * @returns in the order of the trace: `sync` for syncs of the write-ahead log, `answer` for writes to
 * the connection
 */
async function traceAnswers(programs: string): Promise<string> {
  const trace = join(deployment.dir, 'trace');
  const calls = 'trace=fdatasync,fsync,write,writev,sendto,sendmsg';
  const server = await deployment.start([...strace(trace), '-yy', '-s', '8', '-e', calls], programs);
  assert.equal(await workers[0]?.run(8), 8);
  const tracer = server.child.pid;
  const [traced] = readFileSync(`/proc/${tracer}/task/${tracer}/children`, 'utf8').split(' ');
  process.kill(Number(traced), 'SIGTERM');
  await server.gone;
  const words = readFileSync(trace, 'utf8').split('\n').flatMap(wordOf);
  return words.filter((word, place) => word !== words[place - 1]).join(' ');
}

function wordOf(line: string): string[] {
  if (/ f(?:data)?sync\(\d+<[^>]*latchkey\.db-wal>/.test(line)) return ['sync'];
  if (/ (?:write|writev|sendto|sendmsg)\(\d+<TCP/.test(line)) return ['answer'];
  return [];
}

function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString());
}
