// Takes guards out of latchd, one at a time, and demands that the tests over it notice: part of npm run guards.
// `tests` is a pattern of test names, so that not the whole suite runs for each.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const suite = 'agent.test.js';
const store = 'agent/store.test.js';
const filter = 'agent/filter.test.js';
const power = 'agent/power.test.js';

const guards = [
  { file: 'check.c', find: '!same(token->aud, AUDIENCE) || ', tests: 'another audience' },
  { file: 'check.c', find: ' || !same(token->iss, beliefs->manifest->iss)', tests: 'another issuer' },
  {
    file: 'check.c',
    find: 'if (!same(token->sub, beliefs->hwid)) return refuse(903, "module");',
    tests: 'another module',
  },
  {
    file: 'check.c',
    find: 'if (!same(token->nonce, live->text)) return refuse(904, "nonce");',
    tests: 'another nonce',
  },
  { file: 'check.c', find: 'is_expired(token)', put: 'is_expired(token) && 0', tests: 'expired' },
  { file: 'check.c', find: 'token->scope != live->scope || ', tests: 'another scope' },
  { file: 'check.c', find: ' || token->seconds > live->seconds', tests: 'more seconds' },
  { file: 'check.c', find: ' && token->pw.ver <= beliefs->pwv', put: ' && 0', tests: 'a password not newer' },
  {
    file: 'check.c',
    find: 'manifest->ver <= beliefs->manifest->ver',
    put: '0',
    tests: 'only a higher manifest',
  },
  { file: 'check.c', find: ' || !same(bundle->dkt, beliefs->dkt)', tests: 'a bundle is refused' },
  { file: 'nonce.c', find: '>= LIFE', put: '>= LIFE + 1', tests: 'the nonce lives 600 s' },
  { file: 'nonce.c', find: '>= SPACING', put: '>= 0', tests: 'one challenge every 2 s' },
  {
    file: 'nonce.c',
    find: '>= MOST_BAD_SIGNATURES',
    put: '> MOST_BAD_SIGNATURES',
    tests: 'three bad signatures',
  },
  { file: 'store.c', find: '.st_mode = 0600', put: '.st_mode = 0644', run: store, tests: 'its owner' },
  {
    file: 'store.c',
    find: 'if (lock(store->dir))',
    put: 'if (lock(store->dir) || 1)',
    run: store,
    tests: 'no two agents',
  },
  {
    file: 'seal.c',
    find: ', strlen(hwid)) == 0',
    put: ', 0) == 0',
    run: store,
    tests: 'copied to another module',
  },
  {
    file: 'latch.c',
    find: ' && shadow_set(config->shadow, config->user, latch->store.state.pw.hash)',
    run: power,
    tests: 'the power goes',
  },
  { file: 'watch.c', find: 'if (erasing > 0) return erasing - 1;', run: filter, tests: 'DOWNX' },
];

const place = mkdtempSync(join(tmpdir(), 'latchkey-agent-guards-'));
try {
  build('module/agent');
  await Promise.all([suite, store, filter, power].map(whole));
  const left = [...guards.entries()];
  const survivors = [];
  await Promise.all([work(), work()]);
  console.log(`${guards.length} guards taken out of latchd, ${survivors.length} not missed`);
  if (survivors.length > 0) process.exitCode = 1;

  async function work() {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, guard] = next;
      if (await noticed(plant(index, guard), guard)) continue;
      survivors.push(guard);
      console.error(`not missed: ${guard.file} ${guard.find}`);
    }
  }
} finally {
  rmSync(place, { recursive: true });
}

/** Copies the agent, built, and takes the guard out. @returns the folder */
function plant(index, { file, find, put = '' }) {
  const folder = join(place, String(index));
  cpSync('module/agent', folder, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => !path.includes('/build/') || path.includes('/build/test'),
  });
  const text = readFileSync(join(folder, file), 'utf8');
  if (text.split(find).length !== 2)
    throw new Error(`${file}: ${JSON.stringify(find)} is not there exactly once`);
  writeFileSync(
    join(folder, file),
    text.replace(find, () => put),
  );
  build(folder, 'CFLAGS=-O2 -g -w');
  return folder;
}

/** With nothing taken out, every test that is named passes. */
async function whole(run) {
  const named = guards.filter((guard) => (guard.run ?? suite) === run).map(({ tests }) => tests);
  if (await noticed('module/agent', { run, tests: named.join('|') }))
    throw new Error(`${run} fails as it is`);
}

/** @param flags of the compiler; what is no longer used without its guard is no fault */
function build(folder, ...flags) {
  const made = spawnSync('make', ['--silent', '-C', folder, 'test-build', ...flags], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`${folder} does not build: ${made.stderr}`);
}

function noticed(folder, { run = suite, tests }) {
  const child = spawn('node', ['--test', `--test-name-pattern=${tests}`, join('dist/test/module', run)], {
    stdio: 'ignore',
    env: { ...process.env, LATCHD: join(folder, 'build/test/latchd') },
  });
  return new Promise((done) => child.once('close', (status) => done(status !== 0)));
}
