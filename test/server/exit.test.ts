import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { exits, explain } from '../../server/commands/exit.ts';

test('what disk or database refuse is told in a line, with what to run; a fault of the program keeps its stack', () => {
  const full = new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
  const text = 'database or disk is full (SQLITE_FULL): latchkey-server doctor looks at disk and database';
  assert.deepEqual(explain(full), { code: exits.failed, text });
  const wrapped = new Error('the database could not be brought up to date: it is full', { cause: full });
  assert.match(explain(wrapped).text, /^the database .*: it is full \(SQLITE_FULL\): latchkey-server doctor/);
  assert.match(explain(new TypeError('unforeseen')).text, /unforeseen\n\s+at /);
});

test('a port that is taken, forbidden or elsewhere is told by its address, with what to do', () => {
  const failing = (code: string) =>
    explain(Object.assign(new Error('x'), { code, syscall: 'listen', address: '127.0.0.1', port: 843 })).text;
  assert.match(failing('EADDRINUSE'), /^127\.0\.0\.1 port 843 is taken by another process: stop that one/);
  assert.match(failing('EACCES'), /^127\.0\.0\.1 port 843 may not be listened on by this user/);
  assert.match(failing('EADDRNOTAVAIL'), /^127\.0\.0\.1 port 843: no such address on this machine/);
});

test('a listener that cannot be had and a file that is another user’s are told apart', () => {
  const listener = Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen' });
  assert.match(explain(listener).text, /which listener that is$/);
  const file = Object.assign(new Error('EACCES: latchkey.lock'), { code: 'EACCES', syscall: 'open' });
  assert.match(explain(file).text, /^EACCES: latchkey\.lock: run this as the user/);
});
