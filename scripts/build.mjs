// Compiles everything into dist/, then marks the three programs executable so that `npx latchkey` runs them.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync('node_modules/.bin/tsc', ['-p', '.'], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const { bin } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const program of Object.values(bin)) if (existsSync(program)) chmodSync(program, 0o755);
// Files that are read at run time beside the compiled code.
for (const data of ['protocol/vectors', 'deploy/policies']) {
  if (existsSync(data)) cpSync(data, `dist/${data}`, { recursive: true });
}
