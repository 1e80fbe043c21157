import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Desk } from '../../cli/clipboard.ts';
import { run } from '../../cli/program.ts';
import { newSerial } from '../../keys/certificates.ts';
import { keyObject, type RsaJwk } from '../../protocol/jwk.ts';
import { testKeys } from '../fixture/keys.ts';
import type { ScriptedServer, Seen } from './scripted-server.ts';

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Laptop {
  readonly dir: string;
  /** The laptop's clock. */
  now: Date;
  /** Pauses between attempts, in milliseconds, instead of taking them. */
  readonly pauses: number[];
  readonly interrupt: AbortController;
  /** Where pauses are taken after all, as between the looks at a port. */
  waits: boolean;
  /** Where the clipboard is looked for. */
  desk: Desk;
  /** Gets what the next commands print, on either stream, while they run. */
  onOutput: (text: string) => void;
  /** Width of a terminal. */
  columns: number | undefined;
  /** What is typed into the next commands. */
  stdin: string;
  latchkey(...args: string[]): Promise<Ran>;
  /** A terminal on the same home, which can be interrupted by itself. `progress` gets what it shows. */
  terminal(progress?: (text: string) => void): Laptop;
  remove(): void;
}

/** A home of its own to run command lines in, in this process, each with streams of its own. */
export function laptop(
  now = new Date(),
  dir = mkdtempSync(join(tmpdir(), 'latchkey-cli-')),
  progress?: (text: string) => void,
): Laptop {
  const interrupt = new AbortController();
  const self: Laptop = {
    dir: join(dir, 'home'),
    now,
    pauses: [],
    interrupt,
    waits: false,
    desk: { platform: 'linux', path: [], wayland: false, x11: false, remote: false },
    onOutput: () => {},
    columns: undefined,
    stdin: '',
    async latchkey(...args) {
      const { onOutput } = self;
      const [stdout, stderr] = [collect(progress, onOutput), collect(progress, onOutput)];
      if (progress !== undefined) Object.assign(stdout.stream, { columns: self.columns });
      const exit = await run(args, {
        home: self.dir,
        streams: { stdin: input(self.stdin, progress), stdout: stdout.stream, stderr: stderr.stream },
        clock: () => self.now,
        uuid: randomUUID,
        delay: async (milliseconds, signal) => {
          if (self.waits) await sleep(milliseconds, undefined, { signal });
          else self.pauses.push(milliseconds);
        },
        signal: interrupt.signal,
        version: '0.0.0',
        desk: self.desk,
      });
      return { exit, stdout: stdout.text(), stderr: stderr.text() };
    },
    terminal: (shown) => laptop(self.now, dir, shown),
    remove: () => rmSync(dir, { recursive: true }),
  };
  return self;
}

/** What is typed: at a terminal, or into a pipe that ends. */
function input(typed: string, terminal: unknown) {
  if (typed === '') return new PassThrough();
  const stream = Object.assign(new PassThrough(), { isTTY: terminal !== undefined });
  stream.end(typed);
  return stream;
}

/** @param shown where the stream is to be a terminal, gets what is written to it */
function collect(shown: ((text: string) => void) | undefined, said: (text: string) => void) {
  const stream = Object.assign(new PassThrough(), { isTTY: shown !== undefined });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    shown?.(chunk.toString());
    said(chunk.toString());
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

export interface Life {
  readonly from: Date;
  readonly to: Date;
}

/** Answers enrolments and renewals as the real server does, with certificates of the given life. */
export async function issueCertificates(server: ScriptedServer, life: () => Life): Promise<void> {
  const { keys } = await testKeys();
  const issue = async ({ body }: Seen) => {
    const { key } = body as { key: RsaJwk };
    const serial = newSerial(randomBytes);
    const publicKey = keyObject({ ...key, kid: '' });
    const { from, to } = life();
    const pem = await keys.ca.issueClient({
      kind: 'person',
      name: 'alice',
      key: publicKey,
      serial,
      notBefore: from,
      notAfter: to,
    });
    const certificate = {
      principal: 'alice',
      serial,
      lineage: '0198a1b2-0000-7000-8000-000000000001',
      kid: 'A'.repeat(43),
      created: from.toISOString(),
      expires: to.toISOString(),
      state: 'live',
    };
    return { body: { certificate, pem, ca: keys.ca.certificate, iss: keys.iss, log: null } };
  };
  server.routes.set('POST /v1/enrolments/redeem', issue);
  server.routes.set('POST /v1/certificates/renew', issue);
}
