import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const source = resolve(import.meta.dirname, '../../../../module/agent');

let program: string | undefined;

/** The program of module/agent/tools/judge.c: that of the environment's JUDGE, else brought up to date by make. */
export function judgeProgram(): string {
  const given = process.env['JUDGE'] ?? '';
  if (given !== '') return given;
  const made = spawnSync('flock', [source, 'make', '--silent', '-C', source, 'judge'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`make -C module/agent judge: ${made.stderr}${made.error ?? ''}`);
  return join(source, 'build/test/judge');
}

/**
 * Has the agent's own code judge cases, each a list of words as judge.c wants them; no word for none.
 * @returns the line that answers each
 */
export function judge(cases: readonly (readonly string[])[]): readonly string[] {
  program ??= judgeProgram();
  const input = cases.map((words) => `${words.map((word) => word || '-').join(' ')}\n`).join('');
  const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`judge ended with ${status}: ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

/** Bytes, or the characters of a text, as a word. */
export const hex = (bytes: string | Uint8Array): string =>
  (typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes)).toString('hex');
