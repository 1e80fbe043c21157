// Takes guards out of latchd, one at a time, and demands that the tests over it notice: part of npm run guards.
//   node scripts/guards/agent.mjs [FILE.c …]
// A guard that is not missed lacks a test, or is not needed.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeIssuerKeys } from '../../dist/test/module/issuer.js';
import { moduleGuards } from './agent-module.mjs';
import { parserGuards } from './agent-parsers.mjs';

const source = 'module/agent';
const workers = 2;

/** Milliseconds after which a test that hangs without its guard has noticed. */
const PATIENCE = 120_000;

const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const optimize = ['-O1', '-w', ...sanitize];
const dialect = ['-std=c11', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64', '-DLATCHD_TEST', '-iquote', source];

const wanted = process.argv.slice(2);
const guards = [...parserGuards, ...moduleGuards].filter(
  ({ file }) => wanted.length === 0 || wanted.includes(file),
);

const place = mkdtempSync(join(tmpdir(), 'latchkey-agent-guards-'));
const built = join(place, 'test');
const environment = {
  ...process.env,
  ASAN_OPTIONS: 'detect_leaks=0',
  TEST_ISSUER: join(place, 'issuer'),
};
try {
  guards.forEach(withoutGuard);
  await writeIssuerKeys(environment.TEST_ISSUER);
  await run('make', [
    ...['--silent', '-j', String(workers), '-C', source, `BUILD=${place}`],
    ...[`CFLAGS=${optimize.join(' ')}`, `LDFLAGS=${sanitize.join(' ')}`, 'judge', 'test-build'],
  ]);
  await run('cc', [
    ...dialect,
    ...optimize,
    '-c',
    '-o',
    join(place, 'judge.o'),
    join(source, 'tools/judge.c'),
  ]);
  await baseline();
  const survivors = [];
  const queue = guards.entries();
  const work = async () => {
    for (const [index, guard] of queue) {
      if (await missed(index, guard)) continue;
      survivors.push(guard);
      console.log(`survives: ${guard.file}: ${guard.name}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  console.log(
    `${guards.length} guards taken out of latchd one at a time, ${guards.length - survivors.length} noticed`,
  );
  if (survivors.length > 0) process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true });
}

/** With nothing taken out every test that is named passes. */
async function baseline() {
  for (const test of new Set(guards.map(({ test }) => test.split(':')[0]))) {
    const patterns = guards.filter((guard) => guard.test.startsWith(test));
    const all = patterns.some((guard) => guard.test === test);
    const named = patterns.map((guard) => guard.test.slice(test.length + 2)).join('|');
    if (!(await passes(all ? test : `${test}: ${named}`, built, 10 * PATIENCE)))
      throw new Error(`${test} fails as it is`);
  }
}

/** @returns whether the tests notice that the guard is gone */
async function missed(index, guard) {
  const folder = join(place, String(index));
  mkdirSync(folder);
  writeFileSync(join(folder, guard.file), withoutGuard(guard));
  const object = join(folder, 'changed.o');
  await run('cc', [...dialect, ...optimize, '-c', '-o', object, join(folder, guard.file)]);
  const program = programOf(guard.test);
  await run('cc', [
    ...sanitize,
    '-o',
    join(folder, program),
    object,
    ...others(guard.file, program),
    '-lmbedcrypto',
  ]);
  const noticed = !(await passes(guard.test, folder));
  rmSync(folder, { recursive: true });
  return noticed;
}

function withoutGuard({ file, name, find, put }) {
  const text = readFileSync(join(source, file), 'utf8');
  if (text.split(find).length !== 2) {
    throw new Error(`${file}: ${name}: ${JSON.stringify(find)} is not there exactly once`);
  }
  return text.replace(find, () => put);
}

/** The objects that `program` has beside the changed one. */
function others(file, program) {
  const none = [file, ...(program === 'judge' ? ['main.c', 'loop.c', 'clock.c'] : [])];
  const objects = readdirSync(built).filter((name) => name.endsWith('.o'));
  const mine = objects.filter((name) => !none.includes(name.replace(/o$/, 'c')));
  const judge = program === 'judge' ? [join(place, 'judge.o')] : [];
  return [...judge, ...mine.map((name) => join(built, name))];
}

function programOf(test) {
  return /^(?:messages|claims|at|state|files|shadow|watch)\b/.test(test) ? 'judge' : 'latchd';
}

/** @param test a test file, and behind a colon a pattern of the names of its tests */
function passes(test, folder, timeout = PATIENCE) {
  const [, name, pattern = '.'] = /^([^:]*)(?:: (.*))?$/.exec(test);
  const file = name === 'conformance' ? 'agent.test.js' : `agent/${name}.test.js`;
  const child = spawn(process.execPath, [`--test-name-pattern=${pattern}`, join('dist/test/module', file)], {
    stdio: 'ignore',
    timeout,
    env: { ...environment, JUDGE: join(folder, 'judge'), LATCHD: join(folder, 'latchd') },
  });
  return new Promise((done) => child.once('close', (status) => done(status === 0)));
}

function run(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (status) =>
      status === 0 ? done() : fail(new Error(`${program} ${args.join(' ')} ended with ${status}`)),
    );
  });
}
