import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const source = resolve(import.meta.dirname, '../../../../module/agent');

/** One make at a time, since test files run side by side. */
function make(...words: readonly string[]): string {
  const args = [source, 'make', '--silent', '-j2', '-C', source, ...words];
  const { status, stdout, stderr } = spawnSync('flock', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(status, 0, `make ${words.join(' ')}: ${stdout.slice(-2000)}${stderr.slice(-4000)}`);
  return stdout;
}

test('no fuzzer finds anything in its corpus, under ASan and UBSan', () => {
  make('fuzz-replay');
});

test('nor in 20,000 executions without a new edge', () => {
  const figures = make('fuzz-run', 'RUNS=20000', 'SEED=1');
  assert.match(figures, /^state +[1-9]\d* +[2-9]\d{4,} +[2-9]\d{4,}/m);
});

test('the corpora reach 95 % of the lines of each parser', () => {
  make('fuzz-lines');
});
