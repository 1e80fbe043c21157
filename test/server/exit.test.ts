import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { exits, explain } from '../../server/commands/exit.ts';

test('what disk or database refuse is told in a line, with what to run; a fault of the program keeps its stack', () => {
  const full = new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
  const text = 'database or disk is full (SQLITE_FULL): latchkey-server doctor looks at disk and database';
  assert.deepEqual(explain(full), { code: exits.failed, text });
  assert.match(explain(new TypeError('unforeseen')).text, /unforeseen\n\s+at /);
});
