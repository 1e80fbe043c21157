import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceScope } from '../../../module/simulator/service.ts';
import { canonicalJson } from '../../../protocol/canonical.ts';
import type { RsaJwk } from '../../../protocol/jwk.ts';

const scopes: readonly ServiceScope[] = ['console', 'adb', 'ssh'];

/** Lines of a password file that are none of latchd's business. */
export const OTHERS = { before: 'daemon:*:19000:0:99999:7:::\n', after: 'nobody:!:19000::::::\n' };

/** A directory that stands for a module: latchd's configuration, and every file that this names. */
export class AgentHome {
  readonly dir = mkdtempSync(join(tmpdir(), 'latchkey-agent-'));
  readonly configuration = join(this.dir, 'latchd.conf');
  readonly #service = join(this.dir, 'service');
  /** The program that keeps the TLS key, where there is one. */
  readonly tls: readonly string[] | undefined;
  #clock = 5_000_000;

  /** @param hwid one part for each file that it is read from */
  constructor(roots: readonly RsaJwk[], hwid: readonly string[], imei: string, tls?: readonly string[]) {
    this.tls = tls;
    for (const [place, root] of roots.entries())
      this.#write(`root${place}`, `${canonicalJson({ ...root })}\n`);
    for (const [place, part] of hwid.entries()) this.#write(`hwid${place}`, `${part}\n`);
    this.#write('imei', `${imei}\n`);
    this.#write('shadow', `${OTHERS.before}root:*:19000:0:99999:7:::\n${OTHERS.after}`, 0o640);
    this.#write(
      'service',
      `#!/bin/sh\n# Serves until it is ended.\nread -r end < ${this.path('never')}\n`,
      0o755,
    );
    this.#write('stop', `#!/bin/sh\necho "$1" >> ${this.path('stopped')}\n`, 0o755);
    spawnSync('mkfifo', [this.path('never')]);
    mkdirSync(this.path('store'), { mode: 0o700 });
    this.advance(0);
    this.configure();
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** The configuration's lines. */
  get lines(): string[] {
    return [
      'at = stdio',
      `hwid = ${this.#named('hwid')}`,
      `imei = ${this.path('imei')}`,
      'firmware = test 1',
      ...this.#named('root')
        .split(' ')
        .map((file) => `root = ${file}`),
      `store = ${this.path('store')}`,
      `shadow = ${this.path('shadow')}`,
      'user = root',
      ...scopes.map((scope) => `${scope}.start = ${this.#service} ${scope}`),
      ...scopes.map((scope) => `${scope}.stop = ${this.path('stop')} ${scope}`),
      ...(this.tls === undefined ? [] : [`tls = ${this.tls.join(' ')} -c ${this.configuration}`]),
    ];
  }

  /** Writes the configuration. */
  configure(lines: readonly string[] = this.lines): void {
    this.#write('latchd.conf', `${lines.join('\n')}\n`, 0o600);
  }

  /** What the test build reads. */
  get environment(): Record<string, string> {
    return {
      LATCHD_TEST_CLOCK: this.path('clock'),
      LATCHD_TEST_NONCES: this.path('nonces'),
      LATCHD_TEST_FAIL: this.path('fail'),
    };
  }

  /** Winds the monotonic clock on. The agent reads a whole file, never a part of one. */
  advance(seconds: number): void {
    this.#clock += Math.round(seconds * 1000);
    this.#write('clock.new', `${this.#clock}\n`);
    renameSync(this.path('clock.new'), this.path('clock'));
  }

  fail(what: 'flash' | 'service' | 'nothing'): void {
    if (what === 'flash') this.#write('fail', '');
    else rmSync(this.path('fail'), { force: true });
    // Nobody, not even root, runs what has no x.
    chmodSync(this.#service, what === 'service' ? 0o600 : 0o755);
  }

  /** The services that run; those that have ended and nobody has taken note of are none. */
  serving(): { readonly pid: number; readonly scope: ServiceScope }[] {
    const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
    return pids.flatMap((pid) => {
      const words = commandLine(pid);
      const scope = scopes.find((name) => name === words.at(-1));
      return scope !== undefined && words.at(-2) === this.#service ? [{ pid: Number(pid), scope }] : [];
    });
  }

  /** From now on a service ignores every signal that it can, and has a child that does. */
  serveStubbornly(): void {
    const wait = `read -r end < ${this.path('never')}`;
    this.#write('service', `#!/bin/sh\ntrap '' TERM HUP INT QUIT\n(${wait}) &\n${wait}\n`, 0o755);
  }

  /** From now on a service that starts finds flash whole, and leaves it failing. */
  serveAndFail(): void {
    const wait = `read -r end < ${this.path('never')}`;
    this.#write('service', `#!/bin/sh\n: > ${this.path('fail')}\n${wait}\n`, 0o755);
  }

  /** From now on who keeps the TLS key is these words of a shell. */
  keep(words: string): void {
    this.#write('keeper', `#!/bin/sh\n${words}\n`, 0o755);
    this.configure([
      ...this.lines.filter((line) => !line.startsWith('tls =')),
      `tls = ${this.path('keeper')}`,
    ]);
  }

  endServices(signal: NodeJS.Signals): void {
    for (const { pid } of this.serving()) {
      try {
        process.kill(pid, signal);
      } catch {
        // The keeper of an agent that has just died was quicker.
      }
    }
  }

  /** The hash of the password in force. */
  password(): string | undefined {
    return /^root:(\$6\$[^:]*):/m.exec(readFileSync(this.path('shadow'), 'utf8'))?.[1];
  }

  remove(): void {
    this.endServices('SIGKILL');
    rmSync(this.dir, { recursive: true });
  }

  #named(prefix: string): string {
    const names = readdirSync(this.dir).filter((name) => name.startsWith(prefix));
    return names
      .sort()
      .map((name) => this.path(name))
      .join(' ');
  }

  #write(name: string, text: string | Uint8Array, mode = 0o644): void {
    writeFileSync(this.path(name), text);
    chmodSync(this.path(name), mode);
  }
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
