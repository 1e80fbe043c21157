#!/usr/bin/env node
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { hwid, rsaKey } from '../../protocol/claims.ts';
import { type RsaJwk, rsaJwk } from '../../protocol/jwk.ts';
import { type PortChoice, type RunningModule, startModule } from './start.ts';

const examples = `
A new module on two pseudo-terminals; it is the same module again whenever it starts in that directory:
  latchkey-module --dir ./m1 --root /var/lib/latchkey/keys/root-a.pub /var/lib/latchkey/keys/root-b.pub

As a console server would offer it, at the speed of a real line:
  latchkey-module --dir ./m2 --hwid SIM-00000002 --root roots.jwk.json --at tcp:4001 --console tcp:4002 --baud 115200

Ports that keep their names (./ports/at and ./ports/console), for programs:
  latchkey-module --dir ./m1 --root roots.jwk.json --link-dir ./ports --json

Its console's shell knows uname -a, cat /etc/os-release, dmesg and exit, and runs nothing of this machine.
Ctrl-C stops it in order. SIGHUP cuts its power and switches it on again.`;

interface Flags {
  readonly dir: string;
  readonly hwid: string;
  readonly imei: string;
  readonly root: readonly string[];
  readonly firmware?: string;
  readonly at: PortChoice;
  readonly console: PortChoice;
  readonly baud?: number;
  readonly linkDir?: string;
  readonly json?: true;
}

const program = new Command('latchkey-module')
  .description('Plays an LTE module: its AT port, its console port, its lock.')
  .requiredOption('--dir <dir>', 'directory that is the module’s flash')
  .requiredOption(
    '--root <file...>',
    'the two root public keys of its firmware: PEM or JWK, one to a file or two in one',
  )
  .option('--hwid <hwid>', 'hardware ID', parseHwid, 'SIM-00000001')
  .option('--imei <imei>', '15 digits', parseImei, '490154203237518')
  .option('--firmware <name>', 'what its challenges and ATI say')
  .option('--at <port>', 'AT port: pty or tcp:PORT (on 127.0.0.1; 0 for any)', parsePort, 'pty')
  .option('--console <port>', 'console port: pty or tcp:PORT', parsePort, 'pty')
  .option('--baud <rate>', 'pace both ports, for example 115200', parseBaud)
  .option('--link-dir <dir>', 'make links there, at and console, to the pseudo-terminals')
  .option('--json', 'say where the ports are as one line of JSON')
  .addHelpText('after', examples)
  // 2 for the command line, as the other programs have it.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();

try {
  const { root, ...flags } = program.opts<Flags>();
  const running = await startModule({ ...flags, roots: readRoots(root) });
  announce(flags, running);
  process.on('SIGHUP', () => void running.reboot());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void running.stop());
} catch (error) {
  console.error(`latchkey-module: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function announce(flags: Omit<Flags, 'root'>, { atPath, consolePath }: RunningModule): void {
  if (flags.json) {
    console.log(JSON.stringify({ hwid: flags.hwid, at: atPath, console: consolePath, pid: process.pid }));
    return;
  }
  console.log(`module ${flags.hwid}\n  AT port       ${atPath}\n  console port  ${consolePath}`);
  console.log(`Ctrl-C stops it, kill -HUP ${process.pid} reboots it.`);
}

function readRoots(files: readonly string[]): readonly [RsaJwk, RsaJwk] {
  const [first, second, ...more] = files.flatMap(readKeys);
  if (first === undefined || second === undefined || more.length > 0 || first.kid === second.kid) {
    throw new Error('the firmware carries two root keys: give --root two different ones');
  }
  return [first, second];
}

/** PEM, as `latchkey-server init` leaves them; a JWK, an array of them, or a JWK set. */
function readKeys(file: string): RsaJwk[] {
  const content = parseKeys(readFileSync(file, 'utf8'));
  const isSet = typeof content === 'object' && content !== null && Object.hasOwn(content, 'keys');
  return [isSet && 'keys' in content ? content.keys : content].flat().map((value: unknown) => {
    const key = rsaKey(4096).read(value);
    if (key === undefined)
      throw new Error(`${file} holds something that is not an RSA-4096 public key, in PEM or as JWK`);
    return key;
  });
}

function parseKeys(text: string): unknown {
  try {
    return text.startsWith('-----BEGIN PUBLIC KEY-----') ? rsaJwk(createPublicKey(text)) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseHwid(value: string): string {
  return hwid.read(value) ?? refuse('8 to 64 of A-Z 0-9 . _ -');
}

function parseImei(value: string): string {
  return /^[0-9]{15}$/.test(value) ? value : refuse('15 digits');
}

function parseBaud(value: string): number {
  return /^[1-9][0-9]{2,6}$/.test(value) ? Number(value) : refuse('a rate such as 115200');
}

function parsePort(value: string): PortChoice {
  if (value === 'pty') return value;
  const port = Number(/^tcp:([0-9]{1,5})$/.exec(value)?.[1] ?? Number.NaN);
  return port <= 65_535 ? { tcp: port } : refuse('pty or tcp:PORT');
}

function refuse(wanted: string): never {
  throw new InvalidArgumentError(`It takes ${wanted}.`);
}
