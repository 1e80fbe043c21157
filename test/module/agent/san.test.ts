import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterEach } from 'node:test';
import { conformance } from '../conformance/whole.ts';

const source = resolve(import.meta.dirname, '../../../../module/agent');

const made = spawnSync('flock', [source, 'make', '--silent', '-C', source, 'san'], { encoding: 'utf8' });
if (made.status !== 0) throw new Error(`make -C module/agent san: ${made.stderr}`);

// The whole suite over a build that ends at the first fault that ASan or UBSan sees.
process.env['LATCHD'] = join(source, 'build/san/latchd');
const { agentModule, removeAgents } = await import('../agent.ts');

afterEach(removeAgents);
conformance(agentModule);
