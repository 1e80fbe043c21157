import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Agent } from '../agent.ts';
import { Bench } from '../bench.ts';
import type { Setup } from '../under-test.ts';
import type { AgentHome } from './home.ts';

/** A module of the bench whose TLS key is certified, and its home. */
export async function certified() {
  let agent: Agent | undefined;
  const bench = await Bench.provisioned(async (setup: Setup) => {
    agent = new Agent(setup);
    await agent.boot();
    return agent;
  });
  assert.ok(agent);
  await bench.give('certificate', await bench.certificate());
  return { bench, home: agent.home };
}

/** How latch-tls ended. */
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs it as a program on the module does.
 * @param build latch-tls of another build than the test's
 */
export function latchTls(
  home: Pick<AgentHome, 'tls' | 'configuration'> & Partial<Pick<AgentHome, 'environment'>>,
  words: readonly string[],
  input: string | Uint8Array = '',
  build?: string,
): Promise<Ended> {
  const [program = '', ...first] = build === undefined ? (home.tls ?? []) : [build];
  const env = { ...process.env, ...home.environment };
  const child = spawn(program, [...first, '-c', home.configuration, ...words], { env, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('latin1').on('data', (text: string) => {
      said[name] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}
