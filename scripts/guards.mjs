// Takes every guard out of the verifier, one at a time, and demands that the vectors notice.
//   npm run guards
// Each line below is a textual change to one source file. A change that leaves the vectors passing is a
// survivor: either a vector is missing, or the guard is not needed.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { guards } from './guards/list.mjs';
import { without } from './guards/take.mjs';

const sources = [
  'base64url',
  'jwk',
  'claims',
  'jws',
  'messages',
  'cme',
  'checks',
  'der',
  'certificate-check',
].map((name) => `protocol/${name}.ts`);
const tests = ['vectors.test', 'jws.test', 'jwk.test', 'kinds'].map((name) => `test/protocol/${name}.ts`);
const workers = 2;

const place = mkdtempSync(join(tmpdir(), 'latchkey-guards-'));
try {
  writeFileSync(join(place, 'package.json'), '{"type":"module"}');
  mkdirSync(join(place, 'dist/protocol'), { recursive: true });
  symlinkSync(resolve('protocol/vectors'), join(place, 'dist/protocol/vectors'));
  symlinkSync(resolve('node_modules'), join(place, 'node_modules'));
  const all = [{ name: 'nothing taken out', test: 'vectors' }, ...guards];
  all.forEach(plant);
  compile();
  const outcomes = await runAll(all);
  report(all, outcomes);
} finally {
  rmSync(place, { recursive: true });
}

/** Copies the sources to a folder of their own, one guard taken out. */
function plant(guard, index) {
  for (const file of [...sources, ...tests]) cpSync(file, join(place, String(index), file));
  if (guard.file === undefined) return;
  const target = join(place, String(index), 'protocol', guard.file);
  writeFileSync(target, without(guard, readFileSync(target, 'utf8')));
}

/** One run of the compiler for all; types are not checked, since a missing guard may well offend them. */
function compile() {
  const config = JSON.parse(readFileSync('tsconfig.json', 'utf8'));
  const options = {
    ...config.compilerOptions,
    noCheck: true,
    rootDir: '.',
    outDir: 'dist',
    types: [],
    sourceMap: false,
  };
  writeFileSync(
    join(place, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['*/protocol', '*/test'] }),
  );
  const compiled = spawnSync(resolve('node_modules/.bin/tsc'), ['-p', place], { stdio: 'inherit' });
  if (compiled.status !== 0) throw new Error('the sources with guards taken out do not parse');
}

async function runAll(all) {
  const outcomes = [];
  const queue = all.keys();
  const work = async () => {
    for (const index of queue) outcomes[index] = await passes(index, all[index].test);
  };
  await Promise.all(Array.from({ length: workers }, work));
  return outcomes;
}

function passes(index, test) {
  const program = join(place, 'dist', String(index), 'test/protocol', `${test}.test.js`);
  const run = spawn(process.execPath, [program], { stdio: 'ignore' });
  return new Promise((done) => run.on('exit', (code) => done(code === 0)));
}

function report([, ...all], [untouched, ...outcomes]) {
  if (!untouched) throw new Error('the vectors fail with every guard in place');
  const survivors = all.filter((_, index) => outcomes[index]);
  for (const { file, name } of survivors) console.log(`survives: ${file}: ${name}`);
  console.log(`${all.length} guards taken out one at a time, ${all.length - survivors.length} noticed`);
  if (survivors.length > 0) process.exitCode = 1;
}
