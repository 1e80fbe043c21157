import assert from 'node:assert/strict';
import type { Ran } from './laptop.ts';

/** The document that a command with --json printed; asserts that it succeeded. */
export async function ok(ran: Promise<Ran>) {
  const { exit, stdout, stderr } = await ran;
  assert.equal(exit, 0, stderr);
  return JSON.parse(stdout);
}

/** The error that a command with --json told; asserts exit code, error code, and that stdout is empty. */
export async function fails(ran: Promise<Ran>, exit: number, code: string) {
  const { stderr, ...rest } = await ran;
  const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '');
  assert.deepEqual([rest.exit, error.code, rest.stdout], [exit, code, ''], stderr);
  return error;
}
