// npm test: system packages, lint, build, every test, coverage, and last the test runner's own summary.
//   npm test -- test/server        only the files whose path holds one of these words
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const words = process.argv.slice(2);

run('node', ['scripts/packages.mjs', 'test']);
run('npm', ['run', '--silent', 'lint']);
run('npm', ['run', '--silent', 'build']);

const files = readdirSync('dist/test', { recursive: true })
  .map((name) => join('dist/test', name))
  .filter(
    (name) => name.endsWith('.test.js') && (words.length === 0 || words.some((word) => name.includes(word))),
  )
  .sort();
if (files.length === 0) fail(`no test file's path holds ${words.join(' or ')}`);

rmSync('coverage', { recursive: true, force: true });
mkdirSync('coverage/raw', { recursive: true });
const tests = spawnSync(
  'node',
  [
    '--test',
    '--test-concurrency=2',
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...['--test-reporter=tap', '--test-reporter-destination=coverage/tests.tap'],
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_V8_COVERAGE: 'coverage/raw' } },
);

const shown = [
  '--temp-directory=coverage/raw',
  '--reporter=text-summary',
  '--exclude=dist/test',
  '--exclude=test',
];
run('node_modules/.bin/c8', ['report', ...shown]);

// The runner's own closing lines, once more, after the coverage.
const tap = readFileSync('coverage/tests.tap', 'utf8').trimEnd().split('\n');
console.log(tap.slice(tap.findLastIndex((line) => line.startsWith('# tests '))).join('\n'));
process.exit(tests.status ?? 1);

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
