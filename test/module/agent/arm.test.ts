import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterEach } from 'node:test';
import { conformance } from '../conformance/whole.ts';

const source = resolve(import.meta.dirname, '../../../../module/agent');

const made = spawnSync('flock', [source, 'make', '--silent', '-C', source, 'arm-test'], { encoding: 'utf8' });
if (made.status !== 0) throw new Error(`make -C module/agent arm-test: ${made.stderr}`);

// The whole suite over the module's own processor.
process.env['LATCHD'] = `qemu-arm ${join(source, 'build/arm-test/latchd')}`;
const { agentModule, removeAgents } = await import('../agent.ts');

afterEach(removeAgents);
conformance(agentModule);
