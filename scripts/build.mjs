// Compiles everything into dist/, then marks the three programs executable so that `npx latchkey` runs them.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
run('tsc', '-p', '.');
// What hashes passwords is not TypeScript but AssemblyScript, and becomes WebAssembly.
const hashing = 'server/hashing';
const wasm = ['--outFile', `dist/${hashing}/sha512crypt.wasm`, '--runtime', 'stub', '-O3', '--noAssert'];
run('asc', `${hashing}/assembly/sha512crypt.ts`, ...wasm);

const { bin } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const program of Object.values(bin)) if (existsSync(program)) chmodSync(program, 0o755);
// Files that are read at run time beside the compiled code.
for (const data of ['protocol/vectors', 'deploy/policies']) {
  if (existsSync(data)) cpSync(data, `dist/${data}`, { recursive: true });
}

function run(program, ...args) {
  const { status } = spawnSync(`node_modules/.bin/${program}`, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
