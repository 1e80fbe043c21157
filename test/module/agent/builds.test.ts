import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const source = resolve(import.meta.dirname, '../../../../module/agent');

/** One make at a time, since test files run side by side. */
function make(...words: readonly string[]): string {
  const args = [source, 'make', '--silent', '-C', source, ...words];
  const { status, stdout, stderr } = spawnSync('flock', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(status, 0, `make ${words.join(' ')}: ${stdout.slice(-2000)}${stderr.slice(-4000)}`);
  return stdout + stderr;
}

const program = (build: string) => join(source, 'build', build, 'latchd');
const elf = (build: string) =>
  spawnSync('readelf', ['-hlW', program(build)], { encoding: 'utf8', env: { LC_ALL: 'C' } }).stdout;

test('a static program for x86 with musl is position-independent, with RELRO', () => {
  make('musl');
  const headers = elf('musl');
  assert.match(headers, /Type:\s+DYN/);
  assert.match(headers, /GNU_RELRO/);
  assert.match(headers, /GNU_STACK .* RW /);
  assert.doesNotMatch(headers, /INTERP/);
});

test('a static program for a Cortex-A7', () => {
  make('arm');
  const headers = elf('arm');
  assert.match(headers, /Machine:\s+ARM/);
  assert.match(headers, /hard-float ABI/);
  assert.doesNotMatch(headers, /INTERP|DYNAMIC/);
});

test('mbedTLS 2.28 does as well as 3.6', () => {
  make('musl', 'BUILD=build/with-2.28', 'MBEDTLS_VERSION=2.28');
});

test('clang compiles it without a warning too', () => {
  make('all', 'test-build', 'CC=clang', 'BUILD=build/with-clang');
});

test('what goes onto a module has no hook for tests', () => {
  make('all', 'test-build', 'musl', 'arm');
  for (const build of ['host', 'musl', 'arm']) {
    assert.equal(readFileSync(program(build)).includes('LATCHD_TEST'), false, build);
  }
  assert.ok(readFileSync(program('test')).includes('LATCHD_TEST'));
});

test("gcc's analyzer and clang's are silent", () => {
  make('analyze');
});
