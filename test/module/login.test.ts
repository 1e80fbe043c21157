import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encrypt } from 'unixcrypt';
import { ConsoleService } from '../../module/simulator/console.ts';

const PASSWORD = 'K7QD-3MZP-9RTV-X2HB-6WJN-4FCY';
const HASH = encrypt(PASSWORD, '$6$rounds=1000$saltsalt');

function makeConsole(hash: () => string | undefined = () => HASH) {
  let output = '';
  const terminal = {
    write(text: string) {
      output += text;
    },
    discard() {
      output = '';
    },
  };
  const service = new ConsoleService('LTE4-00A1B2C3D4E5', hash, terminal);
  return {
    service,
    /** @returns what comes out for what is typed */
    type(text: string) {
      output = '';
      service.receive(Buffer.from(text, 'latin1'));
      return output;
    },
    shown: () => output,
  };
}

async function loggedIn() {
  const console = makeConsole();
  await console.service.start('console');
  console.type(`root\r${PASSWORD}\r`);
  return console;
}

test('a locked console gives nothing at all, not even an echo (issue, module/simulator)', async () => {
  const { service, type, shown } = makeConsole();
  assert.equal(type('root\r\r\x03'), '');
  await service.start('console');
  assert.match(shown(), /login: $/);
  await service.stop();
  assert.equal(shown(), '', 'what nobody has read yet is gone');
  assert.equal(type('\r\rroot\r'), '');
});

test('adb and ssh leave the console dead', async () => {
  const { service, type, shown } = makeConsole();
  await service.start('adb');
  assert.equal(shown() + type('root\r'), '');
});

test('the password in force opens a shell; it is not echoed, the name is', async () => {
  const { service, type } = makeConsole();
  await service.start('console');
  assert.equal(type('root\r'), 'root\r\nPassword: ');
  assert.equal(type(`${PASSWORD}\r`), '\r\n~ # ');
});

for (const [rule, user, password] of [
  ['another password', 'root', `${PASSWORD}x`],
  ['no password', 'root', ''],
  ['the hash itself', 'root', HASH],
  ['another user', 'admin', PASSWORD],
] as const) {
  test(`login incorrect: ${rule}`, async () => {
    const { service, type } = makeConsole();
    await service.start('console');
    assert.ok(type(`${user}\r${password}\r`).endsWith('\r\nLogin incorrect\r\nlogin: '));
    assert.ok(type('uname -a\r').endsWith('Password: '));
  });
}

test('with no password in force nobody gets in', async () => {
  const { service, type } = makeConsole(() => undefined);
  await service.start('console');
  assert.ok(type('root\r\r').endsWith('Login incorrect\r\nlogin: '));
});

test('the harmless commands, and no other', async () => {
  const { type } = await loggedIn();
  assert.match(type('uname -a\r'), /^uname -a\r\nLinux lte-module .*\r\n~ # $/);
  assert.match(type(' cat  /etc/os-release \r'), /\r\nID=latchkey-module\r\n/);
  assert.match(type('dmesg\r'), /\r\n\[ {4}0\.000000\] .*\r\n/);
  assert.equal(type('\r'), '\r\n~ # ');
  assert.equal(type('cat /etc/shadow\r'), 'cat /etc/shadow\r\n-sh: cat: not found\r\n~ # ');
  assert.equal(type('toString\r'), 'toString\r\n-sh: toString: not found\r\n~ # ');
});

test('exit, and Ctrl-D on an empty line, lead back to login', async () => {
  for (const typed of ['exit\r', '\x04']) {
    const { type } = await loggedIn();
    assert.ok(type(typed).endsWith('login: '));
    assert.ok(type('dmesg\r').endsWith('Password: '));
  }
});

test('a line is edited as on a terminal: backspace, delete, Ctrl-C', async () => {
  const { type } = await loggedIn();
  assert.equal(type('\x7f'), '');
  assert.ok(type('dmesh\x7f\bsg\r').includes('Linux version'));
  assert.equal(type('rm -rf /\x03'), 'rm -rf /^C\r\n~ # ');
  assert.equal(type('\r'), '\r\n~ # ');
});

test('the login starts afresh with each session', async () => {
  const { service, type } = await loggedIn();
  await service.stop();
  await service.start('console');
  assert.ok(type('dmesg\r').endsWith('Password: '));
});

test('a line that never ends takes no memory', async () => {
  const { type } = await loggedIn();
  assert.equal(type('x'.repeat(10_000)).length, 255);
});
