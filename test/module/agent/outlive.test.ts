import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import { Ended } from './latchd.ts';

afterEach(removeAgents);

const issuer = await testIssuer();

/** A module that is open for 900 s. @param script what its service does before it serves */
async function opened(script = ''): Promise<{ agent: Agent; bench: Bench }> {
  const agent = new Agent({ roots: issuer.firmware });
  const service = agent.home.path('service');
  if (script !== '') {
    const never = agent.home.path('never');
    writeFileSync(service, `#!/bin/sh\n${script}\n: > ${agent.home.path('ready')}\nread -r end < ${never}\n`);
    chmodSync(service, 0o755);
  }
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge()));
  if (script !== '') await until(() => existsSync(agent.home.path('ready')));
  return { agent, bench };
}

/** Looks again and again, for 10 s at most. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(holds());
}

test('who stops the agent does not stop the time: the session ends without it (section 6.1)', async () => {
  const { agent, bench } = await opened();
  agent.latchd.kill('SIGSTOP');
  agent.home.advance(904);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(agent.running(), 'console', 'the agent is given its time');
  agent.home.advance(1);
  await until(() => agent.running() === undefined);
  agent.latchd.kill('SIGCONT');
  assert.equal((await bench.state()).state, 'locked');
  assert.equal((await bench.lastReceipt()).why, 'timeout');
});

test('who holds the pipes of the agent does not outlive it (section 6.1)', async () => {
  const { agent, bench } = await opened(
    [
      "agent=$(sed -n 's/^PPid:.//p' /proc/$PPID/status)",
      'free=3',
      'for fd in /proc/$agent/fd/*; do case $(readlink $fd) in',
      'pipe:*) [ $free -gt 9 ] || eval "exec $free>>$fd"; free=$((free + 1));;',
      'esac; done',
    ].join('\n'),
  );
  await agent.kill();
  await until(() => agent.running() === undefined);
  await agent.boot();
  assert.equal((await bench.state()).state, 'locked');
  assert.equal((await bench.lastReceipt()).why, 'reboot');
});

test('who breaks the store does not keep open what a stop program shuts (section 6.1)', async () => {
  const { agent } = await opened();
  await agent.kill();
  await until(() => agent.running() === undefined);
  const [name = ''] = readdirSync(agent.home.path('store'));
  writeFileSync(`${agent.home.path('store')}/${name}`, 'broken');
  rmSync(agent.home.path('stopped'));
  await assert.rejects(agent.boot(), (error) => error instanceof Ended && error.end.code === 1);
  assert.equal(readFileSync(agent.home.path('stopped'), 'utf8'), 'console\nadb\nssh\n');
});
