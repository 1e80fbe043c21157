import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningModule, startModule } from '../module/simulator/start.ts';
import { KeySet } from '../protocol/api/keys.ts';
import { Deployment } from '../test/fixture/deployment.ts';
import { run } from '../test/fixture/program.ts';
import { median, type Row } from './row.ts';

const BAUD = 115_200;
const RUNS = 5;
/** A module makes one challenge in so many milliseconds; sooner, `latchkey unlock` waits for it. */
const CHALLENGE_SPACING = 2000;
const HWID = 'BENCH-0001';

/** Wall time of the whole `latchkey unlock`, from its start to its end, over a line of 115,200 baud. */
export async function command(): Promise<Row[]> {
  const { deployment, code } = await Deployment.make();
  const server = await deployment.start();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const as = (name: string, ...args: string[]) => latchkey(join(dir, name), ...args);
  let module: RunningModule | undefined;
  try {
    await as('officer', 'enroll', code);
    for (const [name, role] of [
      ['line-1', 'station'],
      ['alice', 'engineer'],
    ] as const) {
      const invited = await as('officer', 'invite', name, '--role', role, '--json');
      await as(name, 'enroll', (JSON.parse(invited) as { code: string }).code);
    }
    await as('officer', 'orders', 'create', 'A-7731', '--quantity', '1', '--station', 'line-1');
    const { roots } = KeySet.parse((await deployment.anonymous('/v1/keys')).json);
    const [first, second] = roots;
    if (first === undefined || second === undefined) throw new Error('the server shows no roots');
    const flash = join(dir, 'flash');
    module = await startModule({
      dir: flash,
      hwid: HWID,
      imei: '490154203237518',
      roots: [first, second],
      baud: BAUD,
    });
    const port = ['--port', module.atPath];
    await as('line-1', 'provision', ...port, '--order', 'A-7731');
    const seconds: number[] = [];
    const bytes: number[] = [];
    for (let turn = 0; turn < RUNS; turn += 1) {
      const trace = join(dir, `trace-${turn}`);
      const start = performance.now();
      await as('alice', 'unlock', ...port, '--hwid', HWID, '--reason', 'bench', '--trace', trace);
      seconds.push((performance.now() - start) / 1000);
      bytes.push(bytesOf(trace));
      await as('alice', 'lock', ...port);
      await sleep(CHALLENGE_SPACING);
    }
    const wire = { name: 'bytes ÷ 11,520', value: (median(bytes) * 10) / BAUD };
    return [
      { name: 'bytes on the wire for latchkey unlock', value: median(bytes), unit: 'B' },
      {
        name: 'latchkey unlock at 115,200 baud, start to end',
        value: median(seconds),
        unit: 's',
        beside: wire,
      },
    ];
  } finally {
    await module?.stop();
    server.child.kill('SIGTERM');
    await server.gone;
    deployment.remove();
    rmSync(dir, { recursive: true });
  }
}

/** Of a `--trace` file: a line sent ends in CR, a line received in CR LF. */
function bytesOf(trace: string): number {
  const lines = readFileSync(trace, 'utf8').trimEnd().split('\n');
  return lines.reduce((sum, line) => sum + line.length - 2 + (line.startsWith('>') ? 1 : 2), 0);
}

async function latchkey(home: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('cli/main.js', '--home', home, ...args).ended;
  if (code !== 0) throw new Error(`latchkey ${args[0]}: ${stderr}`);
  return stdout;
}
