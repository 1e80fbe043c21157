import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import { childrenOf, status, until } from './process.ts';

/** A session's processes, and the keeper that stands between them and the agent (service.h). */

afterEach(removeAgents);

const issuer = await testIssuer();

/** A provisioned module. @param script what a service does, where it is not to serve until it is ended */
async function provisioned(script?: (home: Agent['home']) => string, lines?: (line: string) => string[]) {
  const agent = new Agent({ roots: issuer.firmware });
  const { home } = agent;
  if (script !== undefined) writeFileSync(home.path('service'), `#!/bin/sh\n${script(home)}\n`);
  if (lines !== undefined) home.configure(home.lines.flatMap(lines));
  await agent.boot();
  const bench = await Bench.provisioned(async () => agent);
  return { agent, home, bench };
}

const open = async (bench: Bench, scope: 'console' | 'ssh' = 'console') =>
  bench.give('unlock', await issuer.token(await bench.challenge(scope)));

const serve = (home: Agent['home']) => `read -r end < ${home.path('never')}`;

/** What a program finds where latchd starts it. */
function surroundings(pid: number) {
  const [, , , session] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`);
  const said = status(pid);
  const [umask, blocked, ignored] = ['Umask', 'SigBlk', 'SigIgn'].map(
    (name) => new RegExp(`^${name}:\t(.*)$`, 'm').exec(said)?.[1],
  );
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  return {
    session: Number(session),
    fds,
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    umask,
    blocked,
    ignored,
    environment,
  };
}

const expected = (pid: number) => ({
  session: pid,
  fds: ['0 /dev/null', '1 /dev/null', '2 /dev/null'],
  cwd: '/',
  umask: '0022',
  blocked: '0'.repeat(16),
  ignored: '0'.repeat(16),
  environment: 'PATH=/usr/sbin:/usr/bin:/sbin:/bin\0',
});

test('a service starts as a program expects, and gets nothing of the agent’s (service.h)', async () => {
  const sleep = (line: string) => [
    line.startsWith('console.start') ? 'console.start = /bin/sleep 600' : line,
  ];
  const { agent, bench } = await provisioned(undefined, sleep);
  await open(bench);
  const [keeper = 0] = childrenOf(agent.latchd.pid);
  const [pid = 0] = childrenOf(keeper);
  assert.deepEqual(surroundings(pid), expected(pid));
});

test('a stop program starts in the same way, and what it leaves behind, or is not done in 5 s, is ended (service.h)', async () => {
  const { home, bench } = await provisioned();
  await open(bench);
  const pidFile = home.path('pid');
  writeFileSync(home.path('stop'), `#!/bin/sh\nprintf $$ > ${pidFile}\nexec sleep 600\n`);
  const locked = bench.ask({ verb: 'lock' });
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await until(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep'));
  // The shell has said where it is (PWD) and on which level (SHLVL, OLDPWD).
  const { environment, ...found } = surroundings(pid);
  const { environment: path, ...wanted } = expected(pid);
  assert.deepEqual(found, wanted);
  assert.ok(environment.includes(path.slice(0, -1)));
  await locked;
  assert.equal(status(pid), '');
  await open(bench);
  writeFileSync(home.path('stop'), `#!/bin/sh\n(${serve(home)}) &\nprintf $! > ${pidFile}\n`);
  await bench.ask({ verb: 'lock' });
  assert.equal(status(Number(readFileSync(pidFile, 'utf8'))), '');
});

test('a service that has left daemons goes on until the last of them ends, well or not (section 6.1)', async () => {
  const { agent, home, bench } = await provisioned(
    (place) => `sleep 600 &\nprintf $! > ${place.path('pid')}\n(${serve(place)}; exit 1) &`,
  );
  await open(bench);
  writeFileSync(home.path('never'), 'end\n');
  await until(() => agent.running() === undefined);
  assert.equal((await bench.state()).state, 'open');
  const [keeper = 0] = childrenOf(agent.latchd.pid);
  process.kill(Number(readFileSync(home.path('pid'), 'utf8')), 'SIGTERM');
  await until(() => !/^State:\t[^Z]/m.test(status(keeper)));
  assert.equal((await bench.state()).state, 'locked');
  assert.equal((await bench.lastReceipt()).why, 'service');
});

/** What it starts is in sessions of its own, and has children. */
const scattered = (home: Agent['home']) =>
  `setsid sh -c 'sleep 600 & setsid sleep 600 & printf "$$ $! " > ${home.path('pid')}; wait' &\n${serve(home)}`;

for (const [how, end] of [
  ['a lock', (bench: Bench) => bench.ask({ verb: 'lock' })],
  ['its agent', (_: Bench, agent: Agent) => agent.kill()],
] as const) {
  test(`what a session has started does not outlive ${how}, and goes at once (section 6.1)`, async () => {
    const { agent, home, bench } = await provisioned(scattered);
    await open(bench);
    await until(() => readFileSync(home.path('pid'), 'utf8').endsWith(' '));
    const pids = readFileSync(home.path('pid'), 'utf8').trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    const start = performance.now();
    await end(bench, agent);
    await until(() => [...pids, ...home.serving().map(({ pid }) => pid)].every((pid) => status(pid) === ''));
    assert.ok(performance.now() - start < 4000, 'nobody waits until it is killed');
  });
}

for (const end of ['exit 1', 'kill -9 $$']) {
  test(`a service that fails (${end}) takes with it what it has left (section 6.1)`, async () => {
    const { home, bench } = await provisioned(
      (place) => `sleep 600 &\nprintf $! > ${place.path('pid')}\n${serve(place)}\n${end}`,
    );
    await open(bench);
    const left = Number(readFileSync(home.path('pid'), 'utf8'));
    writeFileSync(home.path('never'), 'end\n');
    await until(() => status(left) === '');
    assert.equal((await bench.state()).state, 'locked');
  });
}

test('a service that ends at once, or that there is none of, has not started: 913 (section 6.1)', async () => {
  const { bench } = await provisioned(
    () => 'exit 0',
    (line) => (line.startsWith('ssh.start') ? [] : [line]),
  );
  for (const scope of ['console', 'ssh'] as const) {
    await bench.refuse('unlock', await issuer.token(await bench.challenge(scope)), 913);
    assert.equal((await bench.lastReceipt()).why, 'service', scope);
  }
});

test('who ends the keeper ends the session; what the keeper takes for no order does not (section 6.1)', async () => {
  // No stop program ends what is left.
  const { agent, bench } = await provisioned(undefined, (line) => (line.includes('.stop') ? [] : [line]));
  await open(bench);
  const [keeper = 0] = childrenOf(agent.latchd.pid);
  // By number of the signal from 1: SIGHUP, SIGINT and SIGTERM.
  assert.match(status(keeper), /^SigIgn:\t0000000000004003$/m);
  process.kill(keeper, 'SIGKILL');
  await until(() => agent.running() === undefined);
  assert.equal((await bench.state()).state, 'locked');
});
