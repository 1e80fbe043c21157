import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAnswer } from '../protocol/at/answer.ts';
import { type Command, dataCommands, formatCommand } from '../protocol/at/command.ts';
import { decodePayload, openEnvelope } from '../protocol/jws.ts';
import { challenge } from '../protocol/messages.ts';
import { AgentHome } from '../test/module/agent/home.ts';
import { Latchd, type Program } from '../test/module/agent/latchd.ts';
import { type Issuer, testIssuer } from '../test/module/issuer.ts';
import { excesses, print, type Row } from './row.ts';

/**
 * `make -C module/agent size`: what the agent takes of a module. It runs the programs that go onto a module,
 * provisions and unlocks them over AT, and asks the kernel and callgrind. Exit status 1 where a figure is above its
 * limit.
 */
const build = resolve(import.meta.dirname, '../../module/agent/build');
const issuer = await testIssuer();

const bytes = (program: string) => statSync(join(build, program, 'latchd')).size;
const memory = await session([join(build, 'musl/latchd')], issuer, residentBeyondTheBinary);
const cost = await instructions(join(build, 'musl/latchd.symbols'), issuer);

const rows: readonly Row[] = [
  {
    name: 'latchd, x86, musl, static, stripped',
    value: bytes('musl'),
    unit: 'B',
    beside: { name: 'of 131,072', value: 131_072 },
    most: 1,
  },
  { name: 'latchd, Cortex-A7, glibc, static, stripped', value: bytes('arm'), unit: 'B' },
  {
    name: 'its peak resident memory beyond the binary, one unlock',
    value: memory,
    unit: 'KiB',
    beside: { name: 'of 1 MiB', value: 1024 },
    most: 1,
  },
  {
    name: 'instructions of one token check',
    value: cost.check,
    unit: '',
    beside: { name: 'of its bare RSA-3072 PSS verification', value: cost.verification },
    most: 1.15,
  },
];
print(rows);
for (const excess of excesses(rows)) {
  console.error(excess);
  process.exitCode = 1;
}

/** Provisions, unlocks and locks a new module that runs `program`; what `look` sees before it ends. */
async function session<T>(program: Program, server: Issuer, look: (pid: number) => T): Promise<T> {
  const home = new AgentHome(server.firmware, ['LTE4-00A1B2C3D4E5'], '490154203237518');
  try {
    const latchd = await Latchd.start(program, home);
    await give(latchd, 'keys', await server.manifest({ ver: 1 }));
    await give(latchd, 'provision', await server.bundle());
    const [answer] = await ask(latchd, { verb: 'challenge', scope: 'console', for: 900 });
    if (answer?.kind !== 'challenge') throw new Error(`no challenge, but ${JSON.stringify(answer)}`);
    await give(
      latchd,
      'unlock',
      await server.token(decodePayload(challenge, openEnvelope(challenge, answer.jws).payload)),
    );
    await ask(latchd, { verb: 'lock' });
    await ask(latchd, { verb: 'receipts', after: 0 });
    const seen = look(latchd.pid);
    latchd.kill('SIGTERM');
    const { code, stderr } = await latchd.ended;
    if (code !== 0) throw new Error(`${program.join(' ')} ended with ${code}: ${stderr}`);
    return seen;
  } finally {
    home.remove();
  }
}

async function give(latchd: Latchd, verb: 'keys' | 'provision' | 'unlock', message: string): Promise<void> {
  for (const command of dataCommands(message)) await ask(latchd, command);
  await ask(latchd, { verb });
}

async function ask(latchd: Latchd, command: Command) {
  const lines = (await latchd.send(formatCommand(command))).map(parseAnswer);
  if (lines.at(-1)?.kind !== 'ok') throw new Error(`${command.verb}: ${JSON.stringify(lines)}`);
  return lines;
}

/** In KiB. A static program's file pages are the program itself; the rest is stack, data and heap (proc(5)). */
function residentBeyondTheBinary(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return kib('VmHWM') - kib('RssFile');
}

/** Of the one token check of a session, and of the signature's verification inside it, by callgrind. */
async function instructions(program: string, server: Issuer) {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-callgrind-'));
  try {
    const out = join(dir, 'out');
    const options = ['--tool=callgrind', '--toggle-collect=check_token', `--callgrind-out-file=${out}`, '-q'];
    await session(['valgrind', ...options, program], server, () => undefined);
    const { stdout } = spawnSync('callgrind_annotate', ['--inclusive=yes', '--threshold=100', out], {
      encoding: 'utf8',
    });
    const of = (name: string) => {
      const found = new RegExp(`^\\s*([0-9,]+) .*:${name}(?:'\\d)?\\s`, 'm').exec(stdout)?.[1];
      if (found === undefined) throw new Error(`callgrind saw no ${name}:\n${stdout}`);
      return Number(found.replaceAll(',', ''));
    };
    return { check: of('check_token'), verification: of('mbedtls_rsa_rsassa_pss_verify_ext') };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
