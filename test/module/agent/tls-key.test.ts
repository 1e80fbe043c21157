import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { generateP256 } from '../../../keys/material.ts';
import { type Command, formatCommand } from '../../../protocol/at/command.ts';
import { Agent, agentModule, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import type { Setup } from '../under-test.ts';
import { certified, latchTls } from './latch-tls.ts';
import { Ended } from './latchd.ts';
import { HWID, sealed } from './stored.ts';

/** The module's own TLS key, between latchd and latch-tls (docs/protocol.md §6.6). */

afterEach(removeAgents);

test('the agent’s own file, sealed to the same module, is not taken for the TLS key', async () => {
  // A new module's state is as short as a key.
  const agent = new Agent({ roots: (await testIssuer()).firmware });
  await agent.boot();
  const { home } = agent;
  cpSync(home.path('store/state'), home.path('store/tls'));
  const { code, stderr } = await latchTls(home, ['public']);
  assert.equal(code, 1);
  assert.match(stderr, /another module's, or broken/);
});

/** A module whose keeper of the TLS key loses its power just before that step; 0 for never. */
async function cuttable() {
  const agent = new Agent({ roots: (await testIssuer()).firmware });
  const { home } = agent;
  const cutBefore = (step: number) => writeFileSync(home.path('cut'), String(step));
  const keeper = `${home.tls?.join(' ')} -c ${home.configuration} "$@"`;
  home.keep(`LATCHD_TEST_CUT=$(cat ${home.path('cut')}); export LATCHD_TEST_CUT; exec ${keeper}`);
  await agent.boot();
  return { bench: await Bench.provisioned(async () => agent), agent, cutBefore };
}

test('a key, and a certificate, whose writing was cut anywhere is written by the next try, or was: nothing to repair (§6.6)', async () => {
  const { bench, agent, cutBefore } = await cuttable();
  const store = agent.home.path('store');
  for (let step = 1, cuts = 2; cuts > 0; step += 1) {
    cuts = 0;
    /** Asks with the cut, switches it on again. */
    const cut = async (command: Command) => {
      await bench.module.advance(2);
      cutBefore(step);
      const [answer = ''] = await bench.module.send(formatCommand(command));
      if (answer === '+CME ERROR: 913') cuts += 1;
      cutBefore(0);
      await bench.module.reboot();
    };
    await cut({ verb: 'csr' });
    const { x } = await bench.csr();
    const certificate = await bench.certificate();
    assert.equal((await bench.csr()).x, x);
    await bench.upload(certificate);
    await cut({ verb: 'certificate' });
    assert.equal((await bench.csr()).x, x, `step ${step}`);
    await bench.give('certificate', certificate);
    assert.deepEqual(readdirSync(store).sort(), ['state', 'tls'], `step ${step}`);
    assert.equal(cuts, step > 6 ? 0 : 2, `step ${step}`);
    rmSync(join(store, 'tls'));
  }
});

test('a keeper of the key dies with its agent: the next agent’s is the only one that writes (§6.6)', {
  timeout: 30_000,
}, async () => {
  const agent = new Agent({ roots: (await testIssuer()).firmware });
  const { home } = agent;
  home.keep(`echo $$ > ${home.path('pid.new')}; mv ${home.path('pid.new')} ${home.path('pid')}
    read -r end < ${home.path('never')}`);
  await agent.boot();
  const bench = await Bench.provisioned(async () => agent);
  const asked = assert.rejects(bench.ask({ verb: 'csr' }), Ended);
  const soon = () => new Promise((resolve) => setImmediate(resolve));
  while (!existsSync(home.path('pid'))) await soon();
  const pid = readFileSync(home.path('pid'), 'utf8').trim();
  await agent.kill();
  await asked;
  while (/^State:\t[^Z]/m.test(status(pid))) await soon();
});

/** What the kernel says of a process; nothing once it is gone. */
function status(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

test('an agent without a keeper of the key, or with one that fails, answers 913 (§6.6)', async () => {
  for (const tls of [[], ['tls = /nonexistent/latch-tls'], ['tls = /bin/false'], ['tls = /bin/cat']]) {
    const bench = await Bench.provisioned(async (setup: Setup) => {
      const agent = new Agent(setup);
      agent.home.configure([...agent.home.lines.filter((line) => !line.startsWith('tls')), ...tls]);
      await agent.boot();
      return agent;
    });
    assert.equal(await bench.refusal({ verb: 'csr' }), 913, tls[0]);
    const { hwid, dkt } = await bench.identity();
    const crt = Buffer.from('x').toString('base64url');
    const message = await bench.issuer.certificate({ sub: hwid, dkt, crt });
    if (tls[0]?.endsWith('cat') !== true) await bench.refuse('certificate', message, 913);
    await removeAgents();
  }
});

/** The public half of a key that no keeper has. */
async function someKey() {
  const { x = '', y = '' } = createPublicKey(await generateP256()).export({ format: 'jwk' });
  return { x, y };
}

test('a keeper that says another than a key, or fails, is no keeper: 913 (§6.6)', async () => {
  const agent = new Agent({ roots: (await testIssuer()).firmware });
  agent.home.keep('exit 1');
  await agent.boot();
  const bench = await Bench.provisioned(async () => agent);
  const { x, y } = await someKey();
  const good = `${x} ${y}\\n`;
  const wrong = [
    ...[`${x} ${y}`, `${x}${y}\\n`, `${x}_${y}\\n`, `${x} ${y}A`, `${good}${good}`, `${good}\\n`],
    ...[`*${x.slice(1)} ${y}\\n`, `${x} *${y.slice(1)}\\n`, `${good}${'A'.repeat(300)}`, ''],
  ];
  const failing = ['exit 1', 'exit 3', 'kill -9 $$'].map((end) => `printf '${good}'; ${end}`);
  for (const words of [...wrong.map((text) => `printf '${text}'`), ...failing]) {
    agent.home.keep(words);
    assert.equal(await bench.refusal({ verb: 'csr' }), 913, words);
  }
  agent.home.keep(`cat; printf '${good}'`);
  assert.equal((await bench.csr()).x, x);
});

test('a reset takes the TLS key off flash; where it was cut the next start does, or the next provisioning (§6.6)', async () => {
  const { bench, home } = await certified();
  const [file, aside] = [home.path('store/tls'), home.path('aside')];
  cpSync(file, aside);
  const act = {
    reset: async () => bench.give('unlock', await bench.issuer.token(await bench.challenge('reset', 60))),
    start: () => bench.module.reboot(),
    provisioning: async () => bench.give('provision', await bench.issuer.bundle()),
  };
  for (const [name, next] of Object.entries(act)) {
    // Beside it lies what an earlier cut may have left.
    for (const there of [file, `${file}.new`]) cpSync(aside, there);
    await next();
    assert.deepEqual(readdirSync(home.path('store')), ['state'], name);
  }
});

test('a TLS key that cannot be forgotten stops the provisioning: 914 (§6.6)', async () => {
  const agent = new Agent({ roots: (await testIssuer()).firmware });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await bench.issuer.manifest({ ver: 1 }));
  const file = agent.home.path('store/tls');
  mkdirSync(file);
  await bench.refuse('provision', await bench.issuer.bundle(), 914);
  rmdirSync(file);
  await bench.give('provision', await bench.issuer.bundle());
});

test('latch-tls keeps what it is given where that is a certificate of its key, and says what is wrong else', async () => {
  const { bench, home } = await certified();
  const { hwid } = await bench.identity();
  const { x, y } = await bench.csr();
  const own = Buffer.from(await bench.issuer.certify(hwid, { x, y }), 'base64url');
  const { x: otherX, y: otherY } = await (await Bench.provisioned(agentModule)).csr();
  const others = Buffer.from(await bench.issuer.certify(hwid, { x: otherX, y: otherY }), 'base64url');
  const accept = async (bytes: Uint8Array) => (await latchTls(home, ['accept'], bytes)).code;
  assert.equal(await accept(others), 3);
  assert.equal(await accept(Buffer.concat([own, Buffer.alloc(1537 - own.length)])), 1);
  assert.equal(await accept(own), 0);
  bench.module.fail('flash');
  assert.equal(await accept(own), 0, 'what it has is not written again');
  bench.module.fail('nothing');
  rmSync(home.path('store/tls'));
  assert.equal(await accept(own), 3);
  assert.equal(existsSync(home.path('store/tls')), false);
});

test('a file that cannot be the TLS key is left as it is', async () => {
  const { home } = await certified();
  const file = home.path('store/tls');
  const mark = Buffer.from('tls1');
  const whole = Buffer.concat([mark, Buffer.alloc(32, 1)]);
  const long = Buffer.concat([whole, Buffer.alloc(4000)]);
  for (const bytes of [
    ...[mark, long, Buffer.alloc(36, 1)].map((text) => sealed(HWID, text)),
    ...[sealed('LTE4-00A1B2C3D4E6', whole), Buffer.alloc(0)],
  ]) {
    writeFileSync(file, bytes);
    const { code, stdout, stderr } = await latchTls(home, ['public']);
    assert.deepEqual([code, stdout], [1, ''], stderr);
    assert.match(stderr, /another module's, or broken/);
    assert.deepEqual(readFileSync(file), bytes);
  }
  rmSync(file);
  mkdirSync(file);
  assert.equal((await latchTls(home, ['public'])).code, 1);
});

test('latch-tls takes a store alone that is the agent’s own and closed to others', async () => {
  const { home } = await certified();
  for (const mode of [0o750, 0o701, 0o704, 0o720]) {
    chmodSync(home.path('store'), mode);
    const { code, stderr } = await latchTls(home, ['public']);
    assert.deepEqual([code, /closed to others/.test(stderr)], [1, true], stderr);
  }
  chmodSync(home.path('store'), 0o700);
  if (process.getuid?.() !== 0) return;
  chownSync(home.path('store'), 65_534, 0);
  assert.match((await latchTls(home, ['public'])).stderr, /agent's own/);
});
