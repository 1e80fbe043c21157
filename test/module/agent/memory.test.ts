import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { someHash, testIssuer } from '../issuer.ts';
import { count, memoryOf } from './memory.ts';
import { HWID, unsealed } from './stored.ts';

/** What of a module's secrets stands in latchd's memory : what must, and no copy. */

afterEach(removeAgents);

const issuer = await testIssuer();

/** A new module, on whose password file somebody else has a password too. */
async function someModule() {
  const agent = new Agent({ roots: issuer.firmware, hwid: HWID });
  writeFileSync(agent.home.path('shadow'), `root:*:1::\nadmin:${someHash('admin')}:1::\n`);
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  const unlock = async (scope: 'console' | 'reset', mark: string, ver: number) => {
    const pw = { ver, hash: someHash(mark) };
    const token = await issuer.token(await bench.challenge(scope), { pw });
    await bench.give('unlock', token);
    return token;
  };
  const keys = async (ver: number) => bench.give('keys', await issuer.manifest({ ver }));
  const provision = async () => {
    const { hwid: sub, dkt } = await bench.identity();
    await bench.give('provision', await issuer.bundle({ sub, dkt, pw: { ver: 1, hash: someHash('one') } }));
  };
  return { agent, bench, unlock, keys, provision };
}

/** How often each secret of the module stands in the memory of a process. */
function secretsIn(pid: number, { home }: Agent) {
  const { key, state } = unsealed(HWID, readFileSync(home.path('store/state')));
  const memory = memoryOf(pid);
  const hashOf = (mark: string) => count(memory, Buffer.from(someHash(mark)));
  return {
    deviceKey: count(memory, state.subarray(0, 32)),
    sealingKey: count(memory, key),
    ...{ one: hashOf('one'), two: hashOf('two'), admin: hashOf('admin') },
  };
}

test('the device key stands in memory as the store’s and as the signer’s; no sealing key does, nor anybody else’s password, nor one that is replaced', async () => {
  const { agent, bench, unlock, keys, provision } = await someModule();
  const secrets = () => secretsIn(agent.latchd.pid, agent);
  const none = { deviceKey: 2, sealingKey: 0, one: 0, two: 0, admin: 0 };
  assert.deepEqual(secrets(), none, 'a first start');
  await agent.restart();
  assert.deepEqual(secrets(), none, 'a start');
  await keys(1);
  await provision();
  assert.deepEqual(secrets(), { ...none, one: 2 }, 'provisioned: in the store and as it came');
  // A shorter message takes the place of the one with the password: what is in force stands in the store alone.
  await keys(2);
  assert.deepEqual(secrets(), { ...none, one: 1 }, 'its message is over');
  await unlock('console', 'two', 2);
  assert.deepEqual({ ...secrets(), two: 0 }, none, 'another password');
  await bench.ask({ verb: 'lock' });
  assert.deepEqual({ ...secrets(), two: 0 }, none, 'a receipt');
  await unlock('reset', 'two', 3);
  assert.deepEqual({ ...secrets(), two: 0 }, none, 'another device key');
});

test('the keeper of a session, which began as a copy of the agent, knows none of its secrets (section 6.1)', async () => {
  const { agent, unlock, keys, provision } = await someModule();
  await keys(1);
  await provision();
  const token = await unlock('console', 'two', 2);
  const [{ pid } = { pid: 0 }] = agent.home.serving();
  const keeper = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  assert.notEqual(keeper, agent.latchd.pid);
  const none = { deviceKey: 0, sealingKey: 0, one: 0, two: 0, admin: 0 };
  assert.deepEqual(secretsIn(keeper, agent), none);
  const [, payload = ''] = token.split('.');
  assert.equal(count(memoryOf(keeper), Buffer.from(payload.slice(-80))), 0, 'the password, as it came');
});
