import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../protocol/canonical.ts';
import type { RsaJwk } from '../protocol/jwk.ts';
import { openCable } from './cable.ts';
import type { MakeModule } from './module.ts';

const root = join(import.meta.dirname, '../..');

/** Builds latchd, with the packages that this takes. @throws where that does not work, after its own words */
export function buildAgent(): void {
  run(process.execPath, 'scripts/packages.mjs', 'agent');
  run('make', '--silent', '-C', 'module/agent');
}

/** latchd, the agent of real modules, at one end of two cables. Its console service is `login.ts`. */
export const agentModule: MakeModule = async (stage, { dir, roots, hwid, imei }) => {
  const [at, console] = await Promise.all([openCable(), openCable()]);
  stage.afterwards(() => Promise.all([at.close(), console.close()]));
  const home = join(dir, 'modules', hwid);
  const file = (name: string) => join(home, name);
  const write = (name: string, text: string, mode = 0o644) => writeFileSync(file(name), text, { mode });
  mkdirSync(file('store'), { recursive: true, mode: 0o700 });
  write('serial', `${hwid}\n`);
  write('imei', `${imei}\n`);
  write('shadow', 'root:*:19000:0:99999:7:::\n', 0o600);
  const keys = JSON.parse(readFileSync(join(dir, roots), 'utf8')) as readonly RsaJwk[];
  for (const [place, key] of keys.entries()) write(`root${place}.jwk`, `${canonicalJson({ ...key })}\n`);
  const login = [
    process.execPath,
    join(import.meta.dirname, 'login.js'),
    console.module,
    file('shadow'),
    hwid,
  ];
  const lines = [
    `at = ${at.module}`,
    `hwid = ${file('serial')}`,
    `imei = ${file('imei')}`,
    'firmware = latchd demo 1',
    ...keys.map((_, place) => `root = ${file(`root${place}.jwk`)}`),
    `store = ${file('store')}`,
    `shadow = ${file('shadow')}`,
    'user = root',
    `console.start = ${login.join(' ')}`,
    'console.stop = /bin/true',
  ];
  write('latchd.conf', `${lines.join('\n')}\n`, 0o600);
  stage.start('latchd', ['-c', `modules/${hwid}/latchd.conf`]);
  return { hwid, at: at.laptop, console: console.laptop };
};

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}
