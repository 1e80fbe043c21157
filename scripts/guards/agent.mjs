// Takes guards out of latchd, one at a time, and demands that the tests over it notice: part of npm run guards.
//   node scripts/guards/agent.mjs [FILE.c …]
// A guard that is not missed lacks a test, or is not needed.
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { writeIssuerKeys } from '../../dist/test/module/issuer.js';
import { guards as all } from './agent-list.mjs';
import { without } from './take.mjs';

const source = 'module/agent';
const workers = 2;

/** Milliseconds after which a test that hangs without its guard has noticed. */
const PATIENCE = 120_000;

const sanitize = ['-fsanitize=address,undefined,bounds-strict', '-fno-sanitize-recover=all'];
const flags = ['-O1', '-w', ...sanitize];
const dialect = ['-std=c11', '-D_GNU_SOURCE', '-D_FILE_OFFSET_BITS=64', '-DLATCHD_TEST', '-iquote', source];

/** By program, the libraries that it has. */
const libraries = {
  judge: ['-lmbedcrypto'],
  latchd: ['-lmbedcrypto'],
  'latch-tls': ['-lmbedtls', '-lmbedx509', '-lmbedcrypto'],
};

const wanted = process.argv.slice(2);
const guards = all.filter(({ file }) => wanted.length === 0 || wanted.includes(file));

const place = mkdtempSync(join(tmpdir(), 'latchkey-agent-guards-'));
const built = join(place, 'test');
const environment = { ...process.env, TEST_ISSUER: join(place, 'issuer') };

/** What a sanitizer finds ends a program with a status of its own, so that it is not taken for a refusal. */
const sanitizerOptions = join(place, 'options.o');
const sanitizers = `
  const char *__asan_default_options(void) { return "detect_leaks=0:exitcode=86"; }
  const char *__ubsan_default_options(void) { return "exitcode=86"; }
`;
const link = [...sanitize, sanitizerOptions];

try {
  guards.forEach(changed);
  await writeIssuerKeys(environment.TEST_ISSUER);
  writeFileSync(join(place, 'options.c'), sanitizers);
  await compile(join(place, 'options.c'), sanitizerOptions);
  await run('make', [
    ...['--silent', '-j', String(workers), '-C', source, `BUILD=${place}`],
    ...[`CFLAGS=${flags.join(' ')}`, `LDFLAGS=${link.join(' ')}`, 'judge', 'test-build'],
  ]);
  await compile(join(source, 'tools/judge.c'), join(built, 'tools/judge.o'));
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
  await removePlace();
}

/** With nothing taken out every test that is named passes. */
async function baseline() {
  for (const test of new Set(guards.map(({ test }) => test.split(':')[0]))) {
    const patterns = guards.filter((guard) => guard.test.split(':')[0] === test);
    const whole = patterns.some((guard) => guard.test === test);
    const named = patterns.map((guard) => guard.test.slice(test.length + 2)).join('|');
    if (!(await passes(whole ? test : `${test}: ${named}`, built, 10 * PATIENCE)))
      throw new Error(`${test} fails as it is`);
  }
}

/** @returns whether the tests notice that the guard is gone */
async function missed(index, guard) {
  const folder = join(place, String(index));
  const program = programOf(guard);
  const text = join(folder, basename(guard.file));
  mkdirSync(folder);
  writeFileSync(text, changed(guard));
  await compile(text, `${text}.o`, '-O0', '-iquote', dirname(join(source, guard.file)));
  await run('cc', [
    ...link,
    ...['-o', join(folder, program), `${text}.o`],
    ...objects(program).filter((name) => name !== join(built, guard.file.replace(/c$/, 'o'))),
    ...libraries[program],
  ]);
  for (const other of ['latchd', 'latch-tls'])
    if (other !== program) symlinkSync(join(built, other), join(folder, other));
  const noticed = !(await passes(guard.test, folder));
  rmSync(folder, { recursive: true });
  return noticed;
}

function changed(guard) {
  return without(guard, readFileSync(join(source, guard.file), 'utf8'));
}

async function compile(text, object, ...more) {
  mkdirSync(dirname(object), { recursive: true });
  await run('cc', [...dialect, ...flags, ...more, '-c', '-o', object, text]);
}

/** The program that the tests are about where this file of it is changed. */
function programOf({ file, test }) {
  if (/^(?:messages|claims|der|at|state|files|shadow|watch|port)\b/.test(test)) return 'judge';
  return file.startsWith('tls/') ? 'latch-tls' : 'latchd';
}

/** What a program is linked from; latch-tls takes what it needs of the agent's. */
function objects(program) {
  const of = (folder) =>
    readdirSync(join(built, folder))
      .filter((name) => name.endsWith('.o'))
      .map((name) => join(built, folder, name));
  const outside = ['main.o', 'loop.o', 'clock.o'].map((name) => join(built, name));
  const own = of('.');
  const judge = [join(built, 'tools/judge.o'), join(built, 'tls/der.o')];
  if (program === 'judge') return [...judge, ...own.filter((name) => !outside.includes(name))];
  return program === 'latchd' ? own : [...of('tls'), ...own.filter((name) => name !== outside[0])];
}

/**
 * Whether all tests pass; the first that fails ends them, since one is enough.
 * @param test a test file, and behind a colon a pattern of the names of its tests
 */
function passes(test, folder, timeout = PATIENCE) {
  const [, name, pattern = '.'] = /^([^:]*)(?:: (.*))?$/.exec(test);
  const file = join('dist/test/module', name === 'conformance' ? 'agent.test.js' : `agent/${name}.test.js`);
  const homes = mkdtempSync(join(place, 'homes-'));
  const child = spawn(process.execPath, ['--test-reporter=tap', `--test-name-pattern=${pattern}`, file], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout,
    env: { ...environment, TMPDIR: homes, JUDGE: join(folder, 'judge'), LATCHD: join(folder, 'latchd') },
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    if (/^ *not ok /m.test(text)) child.kill('SIGKILL');
  });
  return new Promise((done) => child.once('exit', (status) => done(status === 0)));
}

/** Without its guard an agent may not end by itself, and those whose tests were ended may still be dying there. */
async function removePlace() {
  endAgents();
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      return rmSync(place, { recursive: true, force: true });
    } catch {
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

/** Whatever runs from this place is ours. */
function endAgents() {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`).startsWith(place)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  }
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
