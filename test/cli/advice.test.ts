import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { advice, adviceOn } from '../../cli/advice.ts';
import { Home } from '../../cli/home.ts';
import { keepReceipts } from '../../cli/receipts.ts';
import { problems } from '../../protocol/problems.ts';
import { Device } from '../fixture/device.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** A refusal, as the CLI prints it: what happened, to what, and what to do next, each said once. */

let world: World;
let alice: Laptop;

before(async () => {
  world = await startWorld();
  alice = await world.enrolled('alice', 'engineer');
});
after(() => world.stop());

test('the next step for each code of the closed set is a sentence, or a command to run', () => {
  assert.deepEqual(Object.keys(advice), Object.keys(problems));
  for (const [code, next] of Object.entries(advice)) {
    if (next !== null) assert.match(next, /^\p{Lu}.*([.]|: latchkey[\w -]+)$/u, code);
  }
});

test('a code of a newer server’s is told as such', () => {
  assert.match(adviceOn('quota-exceeded', 'r1') ?? '', /different versions/);
});

test('who fails at the server is told the request id, which its diagnostics have', () => {
  assert.match(adviceOn('internal-error', 'r1') ?? '', /request id r1/);
});

test('a refused receipt: of which module, why, and what to do; never a bare code', async () => {
  const bob = await world.enrolled('bob', 'engineer');
  const stranger = new Device();
  const closed = await stranger.receipt('closed', '0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b');
  keepReceipts(new Home(bob.dir), [closed, 'not.a.receipt']);
  const { stdout, stderr } = await bob.latchkey('receipts');
  assert.match(stdout, new RegExp(`^${stranger.hwid} +1 +closed +lock +refused$`, 'm'));
  assert.match(
    stderr,
    new RegExp(
      `refused receipt 1 \\(closed\\) of module ${stranger.hwid}: it knows .*provision it: latchkey provision`,
    ),
  );
  assert.match(stderr, /refused what is no receipt: it is not as the module signed it. Fetch it .* again/);
  assert.doesNotMatch(`${stdout}${stderr}`, /receipt-unknown|invalid-message/);
});

test('a revoked certificate: one officer to ask, and one command for the code', async () => {
  const officer = await world.enrolled('olga', 'officer');
  await officer.latchkey('revoke', 'alice');
  const { stderr } = await alice.latchkey('whoami');
  assert.match(
    stderr,
    /^latchkey: Certificate \w+ has been revoked; ask an officer for .* code\.\n +With the code, run: latchkey enroll\n$/,
  );
  assert.equal(stderr.match(/officer/g)?.length, 1);
});
