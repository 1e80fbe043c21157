import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, type TestContext, test } from 'node:test';
import { openPty } from '../../../module/simulator/pty.ts';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import { AgentHome } from './home.ts';
import { buildLatchd } from './latchd.ts';
import { LineEnd } from './modem.ts';
import { status, ticks, until } from './process.ts';
import { vectorRoots } from './roots.ts';

/** latchd between its lines and its signals: it sleeps while nothing happens, and ends in order (loop.h, wire.h). */

afterEach(removeAgents);

const issuer = await testIssuer();
const NOBODY = 65_534;
const limits = { timeout: 30_000 };
const program = buildLatchd();
const source = resolve(import.meta.dirname, '../../../../module/agent');

/** A module that is open for 900 s. */
async function opened() {
  const agent = new Agent({ roots: issuer.firmware });
  await agent.boot();
  const bench = await Bench.provisioned(async () => agent);
  await bench.give('unlock', await issuer.token(await bench.challenge()));
  return { agent, bench };
}

for (const [how, end] of [
  ['SIGTERM', (agent: Agent) => agent.latchd.kill('SIGTERM')],
  ['SIGINT', (agent: Agent) => agent.latchd.kill('SIGINT')],
  ['a host that ends what it says', (agent: Agent) => agent.latchd.hangUp()],
  [
    'a host that hears nothing any more',
    (agent: Agent) => {
      agent.latchd.deafen();
      agent.latchd.type('AT\r');
    },
  ],
] as const) {
  test(`ended by ${how} it closes the session, with a receipt (section 5.3)`, limits, async () => {
    const { agent, bench } = await opened();
    end(agent);
    assert.equal((await agent.latchd.ended).code, 0);
    assert.equal(agent.running(), undefined);
    await agent.boot();
    assert.equal((await bench.lastReceipt()).why, 'stop');
  });
}

test('a hang-up of its terminal does not end it', limits, async () => {
  const { agent, bench } = await opened();
  agent.latchd.kill('SIGHUP');
  assert.equal((await bench.state()).state, 'open');
  assert.match(status(agent.latchd.pid), /^SigIgn:\t0000000000001001$/m);
});

test('a host on standard input that reads nothing keeps no session open (section 6.1)', limits, async () => {
  const { agent, bench } = await opened();
  agent.latchd.pause();
  agent.latchd.type('AT+QLATCH?\r'.repeat(60_000));
  await until(() => agent.latchd.untyped === 0);
  agent.home.advance(900);
  agent.latchd.kill('SIGUSR1');
  await until(() => agent.running() === undefined);
  agent.latchd.deafen();
  agent.latchd.kill('SIGTERM');
  await agent.latchd.ended;
  await agent.boot();
  assert.equal((await bench.lastReceipt()).why, 'timeout');
});

test(
  'the session’s time is counted though the machine sleeps, and though nobody says so',
  limits,
  async () => {
    const { agent } = await opened();
    await until(() => /^State:\tS/m.test(status(agent.latchd.pid)));
    agent.home.advance(900);
    await until(() => agent.running() === undefined);
  },
);

/** latchd with these lines in place of its own of that name, as the leader of a session. */
function leader(t: TestContext, lines: (home: AgentHome) => Readonly<Record<string, string>>) {
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  const own = Object.entries(lines(home));
  home.configure([
    ...home.lines.filter((line) => own.every(([key]) => !line.startsWith(`${key} =`))),
    ...own.map(([key, value]) => `${key} = ${value}`),
  ]);
  const [file, ...first] = program;
  const latchd = spawn(file, [...first, '-c', home.configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const said = { text: '' };
  latchd.stderr?.setEncoding('latin1').on('data', (text: string) => {
    said.text += text;
  });
  t.after(async () => {
    latchd.kill('SIGKILL');
    if (latchd.exitCode === null && latchd.signalCode === null) await once(latchd, 'close');
    home.remove();
  });
  return { home, pid: latchd.pid ?? 0, said };
}

const FINAL = /\r\n(?:OK|ERROR|\+CME ERROR: \d+)\r\n/;

/** What its descriptors are. */
function readlinks(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // It has just been closed.
      return [];
    }
  });
}

test('a port is never its terminal, and what it makes is its own alone', limits, async (t) => {
  const host = await LineEnd.open();
  t.after(() => host.close());
  spawnSync('stty', ['-F', host.path, 'sane']);
  const { pid } = leader(t, () => ({ at: host.path }));
  await until(() => / -icanon /.test(spawnSync('stty', ['-aF', host.path], { encoding: 'utf8' }).stdout));
  host.write('AT\r');
  assert.equal(await host.until(FINAL), 'AT\r\r\nOK\r\n', 'bytes pass as they are');
  const [, , , , terminal] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  assert.equal(terminal, '0');
  assert.match(status(pid), /^Umask:\t0077$/m);
});

test(
  'a port that hangs up as soon as it is open, or is not there, costs no processor, and one word (wire.h)',
  limits,
  async (t) => {
    const broken = leader(t, () => ({ at: '/dev/null' }));
    const missing = leader(t, (home) => ({ at: home.path('port') }));
    await until(() => missing.said.text !== '');
    const before = [broken, missing].map(({ pid }) => ticks(pid));
    const good = await LineEnd.open();
    t.after(() => good.close());
    const served = leader(t, () => ({ at: good.path }));
    const asked = async () => {
      good.write('AT\r');
      await good.until(FINAL);
    };
    await asked();
    const held = [broken, served].map(({ pid }) => readlinks(pid).length);
    // It looks again every second, which is to be seen to be nothing.
    await new Promise((done) => setTimeout(done, 2300));
    for (const [place, { pid }] of [broken, missing].entries())
      assert.ok(ticks(pid) - (before[place] ?? 0) < 20, 'it uses the processor');
    for (let times = 0; times < 2; times += 1) await asked();
    for (const [place, { pid }] of [broken, served].entries())
      assert.ok(
        readlinks(pid).length - (held[place] ?? 0) < 1 + Number(place === 0),
        'it is closed, and not opened again',
      );
    assert.match(missing.said.text, /^latchd: cannot open [^\n]*\n$/);
    const host = await LineEnd.open();
    t.after(() => host.close());
    symlinkSync(host.path, missing.home.path('port'));
    host.write('AT\r');
    await host.until(FINAL);
  },
);

test('what a host that has gone had begun to type is not the next one’s', limits, async (t) => {
  const { home } = leader(t, (place) => ({ at: place.path('port') }));
  // Only now, or latchd inherits their descriptors, and there is no hanging up.
  const [first, next] = await Promise.all([LineEnd.open(), LineEnd.open()]);
  let there = true;
  const leave = async () => {
    if (there) await first.close();
    there = false;
  };
  t.after(() => Promise.all([leave(), next.close()]));
  symlinkSync(first.path, home.path('port'));
  first.write('AT\r');
  await first.until(FINAL);
  first.write('AT+QLA');
  await first.until(/AT\+QLA/);
  rmSync(home.path('port'));
  symlinkSync(next.path, home.path('port'));
  await leave();
  next.write('AT\r');
  assert.match(await next.until(FINAL), /^(?:AT\r)+\r\nOK\r\n$/);
});

test('a host on a tty that reads nothing does not keep it from its end (section 6.1)', limits, async (t) => {
  const host = await openPty(() => new Promise(() => {}));
  t.after(() => host.close());
  const { pid } = leader(t, () => ({ at: host.path }));
  await until(() => readlinks(pid).includes(host.path));
  const line = Buffer.from('AT+QLATCH?\r');
  for (let full = 0; full < 200; ) {
    full = host.write(line) === line.length ? 0 : full + 1;
    if (full > 0) await new Promise((done) => setImmediate(done));
  }
  process.kill(pid, 'SIGTERM');
  await until(() => !/^State:\t[^Z]/m.test(status(pid)));
});

test(
  'what goes onto a module lets nobody look into its memory (prctl(2), PR_SET_DUMPABLE)',
  limits,
  async (t) => {
    const made = spawnSync('flock', [source, 'make', '--silent', '-C', source], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
    // Whose own memory it would be otherwise.
    const uid = process.getuid?.() || NOBODY;
    const copy = home.path('latchd');
    copyFileSync(join(source, 'build/host/latchd'), copy);
    spawnSync('chown', ['-R', String(uid), home.dir]);
    const latchd = spawn(copy, ['-c', home.configuration], { uid, stdio: ['pipe', 'pipe', 'ignore'] });
    t.after(async () => {
      latchd.kill('SIGKILL');
      await once(latchd, 'close');
      home.remove();
    });
    latchd.stdin.write('AT\r');
    await once(latchd.stdout, 'data');
    assert.equal(statSync(`/proc/${latchd.pid}/mem`).uid, 0);
  },
);
