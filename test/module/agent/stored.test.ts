import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { someHash, testIssuer } from '../issuer.ts';
import { Ended } from './latchd.ts';
import { bytesOf, fresh, full, HWID, long, sealed, uint } from './stored.ts';

afterEach(removeAgents);

const issuer = await testIssuer();
const LAST = 4_294_967_295;

/** A module with this state on flash, or as much of one as a text. */
function withState(state: Record<string, Uint8Array>): Agent {
  const agent = new Agent({ roots: issuer.firmware, hwid: HWID });
  writeFileSync(agent.home.path('store/state'), sealed(HWID, bytesOf(state)), { mode: 0o600 });
  return agent;
}

async function refusesToStart(agent: Agent, words: RegExp): Promise<void> {
  await assert.rejects(agent.boot(), (error) => {
    assert.ok(error instanceof Ended);
    assert.equal(error.end.code, 1);
    assert.match(error.end.stderr, /^[^\n]*\n$/, 'one word about it');
    assert.match(error.end.stderr, words);
    return true;
  });
}

for (const [rule, change, words] of [
  ['no device key', { device: Buffer.alloc(32) }, /make sense/],
  ['a manifest that is none', { flags: uint(0, 1), manifest: long('a.b.c') }, /make sense/],
  ['provisioned without a manifest', { flags: uint(1, 1) }, /broken/],
  ['a form that is none', { flags: uint(4, 1) }, /broken/],
  ['roots that are no keys', { flags: uint(2, 1), roots: Buffer.alloc(1024) }, /make sense/],
  [
    'a session for whose end there is no number',
    { session: full.session, reserved: uint(LAST, 4) },
    /written/,
  ],
] as const) {
  test(`a store is sealed and does not make sense: ${rule}`, async () => {
    const agent = withState({ ...fresh, ...change });
    const before = readFileSync(agent.home.path('store/state'));
    await refusesToStart(agent, words);
    assert.deepEqual(readFileSync(agent.home.path('store/state')), before, 'it is left as it is');
  });
}

test('a store that another module sealed is no store of this one', async () => {
  const agent = withState(fresh);
  writeFileSync(agent.home.path('store/state'), sealed('LTE4-00A1B2C3D4E6', bytesOf(fresh)));
  await refusesToStart(agent, /another module's, or broken/);
});

test('a store that is no directory, or cannot be made or read, is refused', async () => {
  const store = (agent: Agent) => agent.home.path('store');
  for (const [spoil, words] of [
    [(agent: Agent) => writeFileSync(store(agent), ''), /cannot (?:make|open) .*store/],
    [
      (agent: Agent) =>
        agent.home.configure(agent.home.lines.map((line) => line.replace(/store$/, 'no/store'))),
      /cannot make/,
    ],
    [(agent: Agent) => mkdirSync(`${store(agent)}/state`, { recursive: true }), /cannot read the store/],
  ] as const) {
    const agent = new Agent({ roots: issuer.firmware });
    rmSync(store(agent), { recursive: true });
    spoil(agent);
    if (words.source.includes('read')) chmodSync(store(agent), 0o700);
    await refusesToStart(agent, words);
  }
});

test('a store is the agent’s own and closed to others, or refused', async () => {
  for (const mode of [0o750, 0o701, 0o704, 0o720]) {
    const agent = new Agent({ roots: issuer.firmware });
    chmodSync(agent.home.path('store'), mode);
    await refusesToStart(agent, /closed to others/);
  }
  if (process.getuid?.() !== 0) return;
  const agent = new Agent({ roots: issuer.firmware });
  chownSync(agent.home.path('store'), 65_534, 0);
  await refusesToStart(agent, /agent's own/);
});

test('where nothing can be written a start fails: a new store, or one whose session is to be closed', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  agent.fail('flash');
  await refusesToStart(agent, /new store could not be written/);
  const open = withState({ ...fresh, session: full.session });
  open.fail('flash');
  await refusesToStart(open, /could not be written/);
  open.fail('nothing');
  await open.boot();
});

/** A module that has given all numbers but so many blocks of them. */
async function nearTheLast(blocks: number): Promise<Bench> {
  const agent = withState({ ...fresh, reserved: uint(LAST - 256 * blocks, 4) });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  return bench;
}

test('the last number is given, and none after it (section 4)', async () => {
  await (await nearTheLast(0)).refuse('provision', await issuer.bundle(), 914);
  const bench = await nearTheLast(1);
  await bench.give('provision', await issuer.bundle());
  assert.equal((await bench.lastReceipt()).seq, LAST - 255);
  await bench.module.reboot();
  assert.equal(await bench.refusal({ verb: 'challenge', scope: 'console', for: 60 }), 914);
  assert.equal(await bench.refusal({ verb: 'csr' }), 914);
});

test('where no number can be had for the opened receipt nothing opens', async () => {
  const bench = await nearTheLast(2);
  await bench.give('provision', await issuer.bundle());
  await bench.module.reboot();
  let asked = await bench.challenge();
  while (asked.seq < LAST) asked = await bench.challenge();
  await bench.refuse('unlock', await issuer.token(asked), 914);
  assert.deepEqual([(await bench.state()).state, bench.module.running()], ['locked', undefined]);
  assert.equal(await bench.history(), 'provisioned');
});

test('where no number can be had for a refusal none is kept', async () => {
  const bench = await nearTheLast(2);
  await bench.give('provision', await issuer.bundle());
  await bench.module.reboot();
  let asked = await bench.challenge();
  while (asked.seq < LAST) asked = await bench.challenge();
  await bench.refuse('unlock', await issuer.token(asked, { scope: 'adb' }), 907);
  assert.equal(await bench.history(), 'provisioned');
});

/** A provisioned module, and its agent. */
async function provisioned(): Promise<{ agent: Agent; bench: Bench }> {
  const agent = new Agent({ roots: issuer.firmware, hwid: HWID });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  return { agent, bench };
}

test('a token that cannot be stored, or whose password cannot be written, opens nothing: 914, refused/storage', async () => {
  const { agent, bench } = await provisioned();
  const pw = { ver: 1, hash: someHash('first') };
  for (const [aside, history] of [
    ['store/state.new', 'provisioned refused/storage'],
    ['shadow.latchd', 'provisioned refused/storage refused/storage'],
  ] as const) {
    const asked = await bench.challenge();
    mkdirSync(agent.home.path(aside));
    await bench.refuse('unlock', await issuer.token(asked, { pw }), 914);
    assert.equal(bench.module.running(), undefined, aside);
    rmdirSync(agent.home.path(aside));
    assert.equal(await bench.history(), history);
  }
});

test('while a receipt is owed a refusal does not take the session off flash (section 5.3)', async () => {
  const { agent, bench } = await provisioned();
  await bench.give('unlock', await issuer.token(await bench.challenge('console', 3600)));
  let asked = await bench.challenge();
  while (asked.seq < 256) asked = await bench.challenge();
  agent.fail('flash');
  assert.equal(await bench.refusal({ verb: 'lock' }), 914);
  agent.fail('nothing');
  await bench.refuse('unlock', await issuer.token(asked, { scope: 'adb' }), 907);
  await agent.reboot();
  assert.equal(await bench.history(), 'provisioned opened refused/scope closed/reboot');
});

test('without stop programs a lock ends the service all the same (section 6.1)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  agent.home.configure(agent.home.lines.filter((line) => !line.includes('.stop =')));
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge()));
  await bench.ask({ verb: 'lock' });
  assert.equal(agent.running(), undefined);
});

test('where the opened receipt cannot be recorded nothing opens: 914, refused/storage', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  agent.home.serveAndFail();
  await bench.refuse('unlock', await issuer.token(await bench.challenge()), 914);
  assert.deepEqual([(await bench.state()).state, bench.module.running()], ['locked', undefined]);
  assert.equal(await bench.history(), 'provisioned refused/storage');
});

test('a bundle whose state cannot be stored provisions nothing: 914 (section 4)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  // From here on there are numbers, and what is written aside finds a directory in its place.
  await bench.give('unlock', await issuer.token(await bench.challenge('reset', 60)));
  const aside = agent.home.path('store/state.new');
  mkdirSync(aside);
  await bench.refuse('provision', await issuer.bundle(), 914);
  assert.equal((await bench.state()).state, 'unprovisioned');
  rmdirSync(aside);
  await bench.give('provision', await issuer.bundle());
});

test('a bundle whose password cannot be written is not answered, and the next start writes it (section 6.4)', async () => {
  const agent = new Agent({ roots: issuer.firmware, hwid: HWID });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  const { dkt } = await bench.identity();
  const aside = agent.home.path('shadow.latchd');
  mkdirSync(aside);
  const pw = { ver: 1, hash: someHash('first') };
  await bench.refuse('provision', await issuer.bundle({ sub: HWID, dkt, pw }), 914);
  assert.equal(agent.passwordFile(), undefined);
  rmdirSync(aside);
  await agent.reboot();
  assert.deepEqual([agent.passwordFile(), (await bench.state()).state], [pw.hash, 'locked']);
});

test('the stop programs run before anything else, and at the end of each session (section 6.1)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const stopped = () => readFileSync(agent.home.path('stopped'), 'utf8').trim().split('\n');
  assert.deepEqual(stopped(), ['console', 'adb', 'ssh']);
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge('adb')));
  await bench.ask({ verb: 'lock' });
  assert.deepEqual(stopped(), ['console', 'adb', 'ssh', 'adb']);
});

test('the time is looked at before each command, those of one line too (section 4)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  const { home } = agent;
  home.keep(
    `echo ${6_000_000_000} > ${home.path('clock')}; printf '%s %s\\n' ${'A'.repeat(43)} ${'A'.repeat(43)}`,
  );
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge('console', 60)));
  const [, state] = await agent.send('AT+QLATCH="csr";+QLATCH?');
  assert.match(state ?? '', /^\+QLATCH: "locked",0,/);
  assert.deepEqual(agent.unsolicited(), ['+QLATCHIND: "locked","timeout"']);
});

test('the first challenge and the first csr may be had of a module that has just booted (section 4)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  agent.home.advance(-5000);
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.one('challenge', { verb: 'challenge', scope: 'console', for: 60 });
  await bench.one('csr', { verb: 'csr' });
});

test('a session may be as long as a challenge can say (section 5)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge('console', LAST)));
  await agent.advance(4_000_000_000);
  const { state, remaining } = await bench.state();
  assert.deepEqual([state, remaining], ['open', LAST - 4_000_000_000]);
});
