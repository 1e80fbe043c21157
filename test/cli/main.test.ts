import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const program = resolve(import.meta.dirname, '../../cli/main.js');

test('a reader that leaves early ends a command quietly, not with a stack', async () => {
  const child = spawn(process.execPath, [program, '--help']);
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.deepEqual([said, code], ['', 1]);
});

test('a result that could not be written is not success', () => {
  const full = openSync('/dev/full', 'w');
  const { status } = spawnSync(process.execPath, [program, '--version'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  assert.equal(status, 1);
});

test('a mistyped verb is told in one line, with the one that was meant', () => {
  const { status, stderr } = spawnSync(process.execPath, [program, 'unlok'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /^latchkey: Unknown command 'unlok' \(Did you mean unlock\?\)$/m);
});

test('what is wrong with a command line names the help of its verb', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  assert.match(run('unlocks', 'list', '--state', 'silly').stderr, /Run: latchkey help unlocks list$/m);
  assert.match(run('unlocks', 'show').stderr, /Run: latchkey help unlocks show$/m);
  assert.match(run('--bogus').stderr, /The verbs: latchkey help$/m);
  assert.match(run('help', 'unlocks', 'list').stdout, /^Usage: latchkey unlocks list /);
  const { status, stderr } = run('help', 'unlok');
  assert.equal(status, 2);
  assert.match(stderr, /^latchkey: There is no verb unlok\.\n +There are enroll, whoami, /);
});

test('an id, a hardware ID and a name that cannot be one are refused before anything is asked', () => {
  const refuses = (wanted: RegExp, ...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, wanted);
  };
  for (const line of [
    'password x',
    'unlocks show x',
    'unlocks cancel x',
    'bundle x',
    'events list --unlock x',
  ]) {
    refuses(/It takes an unlock’s id, as latchkey unlocks list shows it/, ...line.split(' '));
  }
  for (const line of ['modules show x', 'events watch --hwid x', 'unlocks list --hwid x']) {
    refuses(/It takes 8 to 64 of A-Z 0-9 \. _ -/, ...line.split(' '));
  }
  for (const line of ['invite X', 'revoke X', 'principals enable X', 'events list --by X']) {
    refuses(/It takes a name: 2 to 32 of/, ...line.split(' '));
  }
});

test('a file that is not there is told by its name', () => {
  const args = ['verify', '/nowhere/b', '--root', '/nowhere/a'];
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /There is no file \/nowhere\/a\./);
});

test('where nobody has enrolled, verify asks for the roots to trust', () => {
  const args = ['--home', '/nowhere/home', 'verify', '/nowhere/b'];
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /no root keys are trusted here\.\n +Give those that you trust: --root root-a\.pub/);
});

test('no code at all is told as that', () => {
  const args = ['--home', '/nowhere/home', 'enroll'];
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    input: '\n',
  });
  assert.equal(status, 2);
  assert.match(stderr, /^latchkey: No enrolment code was given\./);
});
