import { afterEach } from 'node:test';
import { agentModule, removeAgents } from './agent.ts';
import { conformance } from './conformance/whole.ts';

afterEach(removeAgents);

conformance(agentModule);
