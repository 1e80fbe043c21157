// What scripts/guards/agent.mjs takes out of latchd.
import { configGuards } from './agent-config.mjs';
import { filterGuards } from './agent-filter.mjs';
import { lineGuards } from './agent-line.mjs';
import { parserGuards } from './agent-parsers.mjs';
import { processGuards } from './agent-process.mjs';
import { sessionGuards } from './agent-session.mjs';
import { storeGuards } from './agent-store.mjs';
import { tlsGuards } from './agent-tls.mjs';
import { verbGuards } from './agent-verbs.mjs';

export const guards = [
  ...[parserGuards, verbGuards, sessionGuards, storeGuards, configGuards],
  ...[filterGuards, lineGuards, processGuards, tlsGuards],
].flat();
