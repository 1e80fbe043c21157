import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type RunningModule, startModule } from '../module/simulator/start.ts';
import { KeySet } from '../protocol/api/keys.ts';
import { Deployment } from '../test/fixture/deployment.ts';
import { run } from '../test/fixture/program.ts';
import type { Row } from './row.ts';

const BAUD = 115_200;
/** A start bit, eight data bits, a stop bit. */
const BYTES_PER_SECOND = BAUD / 10;
/** Of the issue: the jig may take so many times what its slowest module takes by itself. */
const MOST = 1.2;

const Summary = z.object({ summary: z.object({ confirmed: z.int(), seconds: z.number() }) });

/** What `latchkey provision` says of a jig, what went over its wires, and what the simulators took. */
interface Jig {
  readonly seconds: number;
  /** Of the module that had most to say and to hear; 0 where that was not traced. */
  readonly bytes: number;
  /** Processor seconds of all simulated modules. */
  readonly cpu: number;
}

/** A jig of 32 new modules at 115,200 baud, beside what the slowest one's bytes take and beside one alone. */
export async function jig(slots = 32): Promise<Row[]> {
  const { deployment, code } = await Deployment.make();
  const server = await deployment.start();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  try {
    await latchkey(join(dir, 'officer'), 'enroll', code);
    const officer = (...args: string[]) => latchkey(join(dir, 'officer'), ...args);
    const invited = await officer('invite', 'line-1', '--role', 'station', '--json');
    await latchkey(join(dir, 'line-1'), 'enroll', (JSON.parse(invited) as { code: string }).code);
    await officer('orders', 'create', 'A-7731', '--quantity', '1000', '--station', 'line-1');
    const { roots } = KeySet.parse((await deployment.anonymous('/v1/keys')).json);
    const [first, second] = roots;
    if (first === undefined || second === undefined) throw new Error('the server shows no roots');
    const alone = await provision(dir, 'ALONE', 2, [first, second]);
    const all = await provision(dir, 'JIG', slots, [first, second]);
    const wire = { name: 'bytes ÷ 11,520', value: alone.bytes / BYTES_PER_SECOND };
    return [
      { name: 'bytes on the wire for provisioning a module, echo on', value: alone.bytes, unit: 'B' },
      { name: 'a jig of 2 modules at 115,200 baud', value: alone.seconds, unit: 's', beside: wire },
      {
        name: `a jig of ${slots} modules at 115,200 baud`,
        value: all.seconds,
        unit: 's',
        beside: wire,
        most: MOST,
      },
      { name: 'processor time of its simulated modules', value: all.cpu, unit: 's', beside: wire },
    ];
  } finally {
    server.child.kill('SIGTERM');
    await server.gone;
    deployment.remove();
    rmSync(dir, { recursive: true });
  }
}

async function provision(
  dir: string,
  name: string,
  slots: number,
  roots: Parameters<typeof startModule>[0]['roots'],
): Promise<Jig> {
  const modules: RunningModule[] = [];
  try {
    for (let place = 0; place < slots; place += 1) {
      const hwid = `${name}-${String(place).padStart(8, '0')}`;
      const flash = join(dir, hwid);
      modules.push(await startModule({ dir: flash, hwid, imei: '490154203237518', roots, baud: BAUD }));
    }
    const [fixture, trace] = [join(dir, `${name}.yaml`), join(dir, `${name}.trace`)];
    writeFileSync(fixture, modules.map(({ atPath }, place) => `s${place}: ${atPath}`).join('\n'));
    const before = process.cpuUsage();
    // The same bytes go over every wire: the larger jig is not slowed down by writing them to a file.
    const traced = slots > 2 ? [] : ['--trace', trace];
    const args = ['--fixture', fixture, '--order', 'A-7731', '--json', ...traced];
    const said = await latchkey(join(dir, 'line-1'), 'provision', ...args);
    const { user, system } = process.cpuUsage(before);
    const { summary } = Summary.parse(JSON.parse(said.trim().split('\n').at(-1) ?? ''));
    if (summary.confirmed !== slots) throw new Error(`${summary.confirmed} of ${slots} modules are done`);
    return { seconds: summary.seconds, bytes: slots > 2 ? 0 : mostBytes(trace), cpu: (user + system) / 1e6 };
  } finally {
    for (const module of modules) await module.stop();
  }
}

/** Of a `--trace` file of several slots: a line sent ends in CR, a line received in CR LF. */
function mostBytes(trace: string): number {
  const bySlot = new Map<string, number>();
  for (const line of readFileSync(trace, 'utf8').trimEnd().split('\n')) {
    const [, slot = '', way, text = ''] = /^(\S+) ([<>]) (.*)$/.exec(line) ?? [];
    bySlot.set(slot, (bySlot.get(slot) ?? 0) + text.length + (way === '>' ? 1 : 2));
  }
  return Math.max(...bySlot.values());
}

async function latchkey(home: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('cli/main.js', '--home', home, ...args).ended;
  if (code !== 0) throw new Error(`latchkey ${args[0]}: ${stderr}${stdout}`);
  return stdout;
}
