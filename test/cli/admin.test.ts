import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fails, ok } from './answers.ts';
import { type Laptop, laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

/** What officers do with people, stations and modules. */

const HWID = 'LTE4-00A1B2C3D4E5';

let world: World;
let officer: Laptop;

before(async () => {
  world = await startWorld();
  officer = await world.enrolled('dora', 'officer');
  const station = await world.enrolled('line-1', 'station');
  const { atPath } = await world.module(HWID);
  await ok(station.latchkey('provision', '--port', atPath, '--order', 'A-7731', '--json'));
});
after(() => world.stop());

const officers = (...args: string[]) => officer.latchkey(...args, '--json');

test('an officer invites somebody new, who enrols, and is shut out at once when revoked', async () => {
  const { code, principal } = await ok(officers('invite', 'alice', '--role', 'engineer', 'auditor'));
  const alice = laptop();
  await ok(alice.latchkey('enroll', code, '--json'));
  const me = await ok(alice.latchkey('whoami', '--json'));
  assert.deepEqual([principal, me.principal.roles], ['alice', ['engineer', 'auditor']]);
  await ok(officers('revoke', 'alice'));
  await fails(alice.latchkey('whoami', '--json'), 3, 'certificate-revoked');
  await ok(officers('principals', 'enable', 'alice'));
  const again = await ok(officers('invite', 'alice'));
  await ok(alice.latchkey('enroll', again.code, '--json'));
  await ok(alice.latchkey('whoami', '--json'));
  alice.remove();
});

test('one certificate is revoked by its serial, anybody’s by an officer', async () => {
  const bob = await world.enrolled('bob', 'engineer');
  const { certificate } = await ok(bob.latchkey('whoami', '--json'));
  assert.equal((await ok(officers('revoke', '--serial', certificate.serial))).state, 'revoked');
  const error = await fails(bob.latchkey('whoami', '--json'), 3, 'certificate-revoked');
  assert.match(error.next, /latchkey enroll$/);
});

test('names and roles that cannot be are told before anything is sent', async () => {
  await fails(officers('invite', 'Alice!', '--role', 'engineer'), 2, 'usage');
  await fails(officers('invite', 'eve', '--role', 'station', 'officer'), 2, 'usage');
  const unknown = await fails(officers('invite', 'eve'), 3, 'not-found');
  assert.match(unknown.next, /^Add somebody new with a role: latchkey invite eve --role/);
  await fails(officers('invite', 'eve', '--role', 'king'), 2, 'usage');
  await fails(officers('revoke', 'eve', '--serial', 'abcd'), 2, 'usage');
  assert.ok(
    !(await ok(officers('principals', 'list'))).items.some(({ name }: { name: string }) => name === 'eve'),
  );
});

test('who is no officer is told that it takes one', async () => {
  const carol = await world.enrolled('carol', 'engineer');
  await fails(carol.latchkey('principals', 'list', '--json'), 3, 'forbidden');
  await fails(carol.latchkey('modules', 'retire', HWID, '--why', 'no more', '--json'), 3, 'forbidden');
});

test('a module is listed, suspended and resumed, each with its reason', async () => {
  const { items } = await ok(officers('modules', 'list', '--order', 'A-7731'));
  assert.deepEqual(
    items.map(({ hwid, state }: Record<string, string>) => [hwid, state]),
    [[HWID, 'confirmed']],
  );
  assert.equal((await ok(officers('modules', 'suspend', HWID, '--why', 'stolen'))).state, 'suspended');
  assert.equal((await ok(officers('modules', 'resume', HWID, '--why', 'found again'))).state, 'confirmed');
  await ok(officers('modules', 'reset-seq', HWID, '--why', 'flash was replaced'));
  await ok(officers('modules', 'clear', HWID, '--why', 'looked into it'));
  const told = await ok(officers('events', 'list', '--hwid', HWID, '--type', 'module.suspended'));
  assert.equal(told.items[0].event.why, 'stolen');
  await fails(officers('modules', 'show', 'LTE4-FFFFFFFFFFFF'), 3, 'module-unknown');
});

test('an order is made, shown with what became of its modules, changed, closed and opened again', async () => {
  const made = officers('orders', 'create', 'B-1', '--quantity', '2', '--station', 'line-1');
  assert.deepEqual([(await ok(made)).quantity, (await ok(made)).state], [2, 'open']);
  await fails(officers('orders', 'create', 'B-1', '--quantity', '3'), 3, 'order-exists');
  await fails(officers('orders', 'create', 'B 2', '--quantity', '3'), 2, 'usage');
  await fails(officers('orders', 'create', 'B-2', '--quantity', '0'), 2, 'usage');
  await fails(officers('orders', 'change', 'B-1', '--why', 'nothing'), 2, 'usage');
  const changed = await ok(officers('orders', 'change', 'B-1', '--quantity', '4', '--why', 'more'));
  assert.deepEqual([changed.quantity, changed.stations], [4, ['line-1']]);
  assert.equal((await ok(officers('orders', 'close', 'B-1', '--why', 'done'))).state, 'closed');
  assert.equal((await ok(officers('orders', 'reopen', 'B-1', '--why', 'not yet'))).state, 'open');
  const { items } = await ok(officers('orders', 'list', '--station', 'line-1'));
  assert.deepEqual(
    items.map(({ name }: { name: string }) => name),
    ['A-7731', 'B-1'],
  );
  const shown = await officer.latchkey('orders', 'show', 'A-7731');
  assert.match(shown.stdout, /^registered +1, 999 to go\nconfirmed +1, 0 without a receipt$/m);
  const { items: told } = await ok(officers('events', 'list', '--type', 'order.closed'));
  assert.equal(told[0].event.why, 'done');
  const text = (await officer.latchkey('events', 'list', '--type', 'order.created')).stdout;
  assert.match(text, /made order B-1: 2 modules, given to line-1/);
});

test('for a person: tables with headings on stdout, and every verb explains itself with an example', async () => {
  const { stdout } = await officer.latchkey('modules', 'list');
  assert.match(
    stdout,
    /^MODULE +IMEI +ORDER +STATE +REGISTERED\nLTE4-00A1B2C3D4E5 +490154203237518 +A-7731 +confirmed/,
  );
  const help = (await officer.latchkey('help')).stdout;
  const verbs = [...help.matchAll(/^ {2}([a-z]+)(?: \[options\])?(?: <\w+>| \[\w+\])? {2,}/gm)].map(
    ([, verb]) => verb ?? '',
  );
  assert.ok(verbs.length >= 22, verbs.join(' '));
  for (const verb of verbs) {
    const { exit, stdout: text } = await officer.latchkey(verb, '--help');
    assert.equal(exit, 0, verb);
    if (!/^Commands:/m.test(text)) assert.match(text, /Examples:\n {2}(\$ |printf)/, verb);
  }
});
