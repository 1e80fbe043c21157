import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { copyTree } from '../fixture/copy.ts';
import { fails, ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** DESIGN section 6: people's certificates live 12 h, and renew for 72 h after, 14 days from the code. */

const HOUR = 3_600_000;

let world: World;
let alice: Laptop;
let thief: Laptop;
let bob: Laptop;

before(async () => {
  world = await startWorld();
  // All of them now: the officer who invites does not live through what follows.
  alice = await world.enrolled('alice', 'engineer');
  thief = await world.enrolled('mallory', 'engineer');
  bob = await world.enrolled('bob', 'engineer');
});
after(() => world.stop());

const serial = async () => (await ok(alice.latchkey('whoami', '--json'))).certificate.serial;
const identity = () => readFileSync(join(alice.dir, 'identity.pem'), 'utf8');

/** Time passes, for the server and the laptop alike. */
function pass(hours: number): void {
  world.server.clock.advance(hours * HOUR);
  alice.now = world.server.clock.now();
}

test('a day’s work goes on overnight: an expired certificate renews itself, with a new key', async () => {
  const [first, key] = [await serial(), identity()];
  pass(7);
  assert.equal(await serial(), first);
  pass(30);
  assert.notEqual(await serial(), first);
  assert.notEqual(identity(), key);
});

test('renew does it at once; a command after it uses the new certificate', async () => {
  const first = await serial();
  const { serial: second } = await ok(alice.latchkey('renew', '--json'));
  assert.notEqual(second, first);
  assert.equal(await serial(), second);
});

test('a copied home that renews as well is found out: the second key revokes the lineage', async () => {
  rmSync(thief.dir, { recursive: true });
  copyTree(alice.dir, thief.dir);
  thief.now = alice.now;
  await ok(thief.latchkey('renew', '--json'));
  await fails(alice.latchkey('renew', '--json'), 3, 'certificate-revoked');
  await fails(thief.latchkey('whoami', '--json'), 3, 'certificate-revoked');
});

test('after four days away a new code is needed, and the error says so', async () => {
  bob.now = alice.now;
  await ok(bob.latchkey('whoami', '--json'));
  pass(12 + 73);
  bob.now = alice.now;
  const error = await fails(bob.latchkey('whoami', '--json'), 3, 'renewal-refused');
  assert.match(error.next, /run: latchkey enroll$/);
});
