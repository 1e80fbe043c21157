// What scripts/guards/agent.mjs takes out of latchd.
import { moduleGuards } from './agent-module.mjs';
import { parserGuards } from './agent-parsers.mjs';
import { tlsGuards } from './agent-tls.mjs';

export const guards = [...parserGuards, ...moduleGuards, ...tlsGuards];
