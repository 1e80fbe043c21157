#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import envPaths from 'env-paths';
import { z } from 'zod';
import { exitCode } from './exit.ts';
import { interrupted } from './failure.ts';
import { run } from './program.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The first asks the command to end in good order; the second does not wait for it.
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCode('interrupted'));
    stop.abort(interrupted());
  });
}

const manifest = new URL('../../package.json', import.meta.url);
const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8')));

const { LATCHKEY_HOME } = process.env;
process.exitCode = await run(process.argv.slice(2), {
  home: LATCHKEY_HOME || envPaths('latchkey', { suffix: '' }).config,
  streams: process,
  version,
  clock: () => new Date(),
  uuid: randomUUID,
  signal: stop.signal,
  delay: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal });
  },
});
