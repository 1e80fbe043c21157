import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const source = resolve(import.meta.dirname, '../../../../module/agent');

test('make size: 128 KiB of program, 1 MiB of memory, 1.15 times the bare verification, and no more', () => {
  const args = [source, 'make', '--silent', '-C', source, 'size'];
  const { status, stdout, stderr } = spawnSync('flock', args, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
  for (const limit of ['of 131,072 (limit 1)', 'of 1 MiB (limit 1)', 'verification (limit 1.15)']) {
    assert.ok(stdout.includes(limit), `no figure beside its limit, ${limit}:\n${stdout}`);
  }
});
