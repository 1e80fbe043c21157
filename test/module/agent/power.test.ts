import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import type { Challenge } from '../../../protocol/messages.ts';
import { copyTree } from '../../fixture/copy.ts';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { someHash, testIssuer } from '../issuer.ts';
import { Ended } from './latchd.ts';

afterEach(removeAgents);

const issuer = await testIssuer();
const manifests = [await issuer.manifest({ ver: 1 }), await issuer.manifest({ ver: 2 })] as const;

/** One step of a module's life, and what may be found after a power cut in it, beside what was before it. */
interface Step {
  readonly name: string;
  act(bench: Bench): Promise<unknown>;
  /** Each `state manifest password receipts`; what a step that was not cut leaves is the last. */
  readonly leaves: readonly string[];
}

/** Every kind of write: a new store, a manifest, a bundle, a session, its end, a reset. */
const life: readonly Step[] = [
  { name: 'first start', act: (bench) => bench.identity(), leaves: ['unprovisioned 0 none '] },
  {
    name: 'keys',
    act: (bench) => bench.give('keys', manifests[0]),
    leaves: ['unprovisioned 1 none '],
  },
  {
    name: 'provision',
    async act(bench) {
      const { hwid: sub, dkt } = await bench.identity();
      const pw = { ver: 1, hash: someHash('one') };
      await bench.give('provision', await issuer.bundle({ sub, dkt, pw }));
    },
    leaves: ['locked 1 one provisioned'],
  },
  {
    name: 'unlock with a password',
    act: (bench) => unlock(bench, 'console', { pw: { ver: 2, hash: someHash('two') } }),
    leaves: ['locked 1 two provisioned closed/reboot', 'locked 1 two provisioned opened closed/reboot'],
  },
  {
    name: 'lock',
    act: (bench) => bench.ask({ verb: 'lock' }),
    leaves: ['locked 1 two provisioned opened closed/lock'],
  },
  {
    name: 'reset',
    act: (bench) => unlock(bench, 'reset', {}),
    leaves: [
      'locked 1 two provisioned opened closed/lock closed/reboot',
      'unprovisioned 1 two provisioned opened closed/lock opened closed/stop',
    ],
  },
  {
    name: 'newer keys',
    act: (bench) => bench.give('keys', manifests[1]),
    leaves: ['unprovisioned 2 two provisioned opened closed/lock opened closed/stop'],
  },
];

/** What lay on flash after a cut, and was cut again: what looks the same need not be tried twice. */
const cutAgain = new Set<string>();
let secondCuts = 0;

test('at whatever step that touches store or password file the power goes: the old state or the new one, nothing to repair, and so where it goes again during the start after it (section 4)', {
  timeout: 300_000,
}, async () => {
  let cuts = 0;
  for (let more = true; more; ) {
    const several = await Promise.all([1, 2, 3, 4, 5, 6].map((step) => cut(cuts + step)));
    cuts += several.filter(Boolean).length;
    more = several.every(Boolean);
  }
  assert.ok(cuts >= 50, `only ${cuts} steps touched store or password file`);
  assert.ok(secondCuts >= 50, `only ${secondCuts} cuts during a start after a cut`);
});

/** Lives until just before write step `at`. @returns false where there is none */
async function cut(at: number): Promise<boolean> {
  const agent = new Agent({ roots: issuer.firmware });
  let done = 0;
  let bench: Bench | undefined;
  try {
    await agent.boot({ LATCHD_TEST_CUT: String(at) });
    bench = await Bench.open(async () => agent);
    for (const step of life) {
      await step.act(bench);
      done += 1;
    }
    await agent.remove();
    return false;
  } catch (error) {
    if (!(error instanceof Ended) || error.end.code !== 99) throw error;
  }
  agent.home.endServices('SIGKILL');
  const flash = keep(agent);
  await agent.boot();
  bench ??= await Bench.open(async () => agent);
  const where = `cut before step ${at}, in ${life[done]?.name}`;
  const may = [afterwards(done), ...(life[done]?.leaves ?? [])];
  const found = await view(bench);
  assert.ok(may.includes(found), `${where}: ${found}\nis none of\n${may.join('\n')}`);
  await goOn(bench, where);
  if (isNew(flash, found)) await cutStarts({ agent, bench, flash, may, where });
  await agent.remove();
  return true;
}

const parts = ['store', 'shadow', 'shadow.latchd'] as const;

/** Keeps what is on flash. @returns the directory that it is kept in */
function keep({ home }: Agent): string {
  mkdirSync(home.path('kept'), { mode: 0o700 });
  for (const part of parts.filter((name) => readdirSync(home.dir).includes(name))) {
    copyTree(home.path(part), home.path(`kept/${part}`));
  }
  return home.path('kept');
}

/** Whether nothing that looked the same has been cut again: the store is sealed, so its files' sizes stand for it. */
function isNew(flash: string, found: string): boolean {
  const store = readdirSync(`${flash}/store`).map(
    (name) => `${name} ${statSync(`${flash}/store/${name}`).size}`,
  );
  const look = [found, ...store, ...readdirSync(flash), readFileSync(`${flash}/shadow`, 'utf8')].join('\n');
  if (cutAgain.has(look)) return false;
  cutAgain.add(look);
  return true;
}

interface AfterCut {
  readonly agent: Agent;
  readonly bench: Bench;
  readonly flash: string;
  /** What may be found there. */
  readonly may: readonly string[];
  readonly where: string;
}

/** The power goes again, before every step of the start after the cut. */
async function cutStarts({ agent, bench, flash, may, where }: AfterCut): Promise<void> {
  for (let step = 1; ; step++) {
    await agent.kill();
    for (const part of parts) rmSync(agent.home.path(part), { recursive: true, force: true });
    copyTree(flash, agent.home.dir);
    if (!(await isCut(agent, step))) return;
    secondCuts += 1;
    await agent.boot();
    const found = await view(bench);
    assert.ok(may.includes(found), `${where}, and step ${step} of the start: ${found}`);
    const aside = [...readdirSync(agent.home.path('store')), ...readdirSync(agent.home.dir)];
    assert.equal(aside.includes('shadow.latchd'), false, `${where}, and step ${step} of the start`);
  }
}

/** Starts it with a cut before that step. @returns false where the start has no such step */
async function isCut(agent: Agent, step: number): Promise<boolean> {
  try {
    await agent.boot({ LATCHD_TEST_CUT: String(step) });
    return false;
  } catch (error) {
    if (!(error instanceof Ended) || error.end.code !== 99) throw error;
    return true;
  }
}

/** What is found where the power goes between two steps. */
function afterwards(done: number): string {
  return life[done - 1]?.leaves.at(-1) ?? 'unprovisioned 0 none ';
}

async function view(bench: Bench): Promise<string> {
  await bench.identity();
  const { state, manifest } = await bench.state();
  const hash = bench.module.passwordFile();
  const password = ['one', 'two'].find((mark) => someHash(mark) === hash) ?? 'none';
  return `${state} ${manifest} ${password} ${await bench.history()}`;
}

/** A module that has come back is as good as any. */
async function goOn(bench: Bench, where: string): Promise<void> {
  const before = await bench.receipts();
  if ((await bench.state()).manifest === 0) await bench.give('keys', manifests[0]);
  if ((await bench.state()).state === 'unprovisioned') await bench.give('provision', await issuer.bundle());
  const asked = await bench.challenge();
  const password = [undefined, someHash('one'), someHash('two')][asked.pwv];
  assert.equal(bench.module.passwordFile(), password, `${where}: the password file is finished`);
  const highest = Math.max(0, ...before.map(({ seq }) => seq));
  assert.ok(asked.seq > highest, `${where}: seq never goes back`);
  await bench.give('unlock', await issuer.token(asked));
  assert.equal(bench.module.running(), 'console');
  await bench.ask({ verb: 'lock' });
}

async function unlock(
  bench: Bench,
  scope: Challenge['scope'],
  claims: Parameters<typeof issuer.token>[1],
): Promise<void> {
  await bench.give('unlock', await issuer.token(await bench.challenge(scope, 60), { ...claims }));
}

test('killed while open, it comes back locked; what it had opened is gone (section 4)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  for (const step of life.slice(0, 4)) await step.act(bench);
  const { jti } = await bench.lastReceipt();
  await agent.kill();
  await agent.boot();
  assert.equal((await bench.state()).state, 'locked');
  const { jti: closed, event, why } = await bench.lastReceipt();
  assert.deepEqual([closed, event, why], [jti, 'closed', 'reboot']);
  while (agent.running() !== undefined) await new Promise((resolve) => setImmediate(resolve));
});
