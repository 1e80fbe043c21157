#!/usr/bin/env node
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import envPaths from 'env-paths';
import { z } from 'zod';
import { exitCode } from './exit.ts';
import { Failure, interrupted } from './failure.ts';
import { run } from './program.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The first asks the command to end in good order; the second does not wait for it.
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCode('interrupted'));
    stop.abort(interrupted());
  });
}

// A reader that leaves (`| head`), a full disk: the command ends in good order, without its result.
process.stdout.on('error', ({ message }) => {
  process.exitCode ||= exitCode('failure');
  stop.abort(new Failure('failure', 'output-lost', `Standard output takes no more: ${message}.`));
});
process.stderr.on('error', () => {});

const manifest = new URL('../../package.json', import.meta.url);
const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8')));

const { LATCHKEY_HOME, PATH = '', WAYLAND_DISPLAY, DISPLAY, SSH_CONNECTION } = process.env;
const code = await run(process.argv.slice(2), {
  home: LATCHKEY_HOME || envPaths('latchkey', { suffix: '' }).config,
  streams: process,
  version,
  desk: {
    platform: process.platform,
    path: PATH.split(delimiter),
    wayland: Boolean(WAYLAND_DISPLAY),
    x11: Boolean(DISPLAY),
    remote: Boolean(SSH_CONNECTION),
  },
  clock: () => new Date(),
  uuid: randomUUID,
  signal: stop.signal,
  delay: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal });
  },
});
process.exitCode = code || process.exitCode;
