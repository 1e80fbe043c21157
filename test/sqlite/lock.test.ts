import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { takeLock } from '../../sqlite/lock.ts';

let dir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
  file = join(dir, 'lock');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** What a process of its own gets, which ends without giving it back. */
function elsewhere(): string {
  const module = join(import.meta.dirname, '../../sqlite/lock.js');
  const script = `import { takeLock } from ${JSON.stringify(module)};
    process.stdout.write(takeLock(${JSON.stringify(file)}) ? 'taken' : 'held');
    process.kill(process.pid, 'SIGKILL');`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout;
}

test('one process at a time has the lock, and whoever is killed has it no more', () => {
  assert.equal(elsewhere(), 'taken');
  const release = takeLock(file);
  assert.ok(release);
  assert.equal(elsewhere(), 'held');
  release();
  assert.equal(elsewhere(), 'taken');
  assert.deepEqual(readdirSync(dir), ['lock']);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('who asks again in the process that has the lock is refused, and takes nothing from it', () => {
  const release = takeLock(file);
  assert.ok(release);
  assert.equal(takeLock(file), undefined);
  assert.equal(elsewhere(), 'held');
  release();
});
