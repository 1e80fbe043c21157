#!/usr/bin/env node
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { KeySet } from '../protocol/api/keys.ts';
import { agentModule, buildAgent } from './agent.ts';
import { leave } from './leave.ts';
import type { MakeModule } from './module.ts';
import { publicJson } from './public.ts';
import { tryAgain, tryElsewhere } from './refusals.ts';
import { simulatedModule } from './simulated.ts';
import { Stage } from './stage.ts';

const USAGE = `npm run demo [-- --module agent] [--out DIR]

--module agent   the module is latchd, the agent in C, which is built first, and not the simulator
--out DIR        leave every message, the log and a transcript there`;

const modules: Readonly<Record<string, MakeModule>> = { simulator: simulatedModule, agent: agentModule };

/** The whole story on real ports: `npm run demo`, or `npm run demo -- --out DIR` to keep its messages. */
const values = options();
if (values.help) {
  console.log(USAGE);
} else if (values.make === undefined) {
  console.error(`${values.fault}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  if (values.make === agentModule) buildAgent();
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-demo-'));
  const stage = new Stage(dir);
  try {
    const out = values.out === undefined ? undefined : resolve(values.out);
    const cut = await Promise.race([tell(stage, dir, values.make, out), cutShort()]);
    if (cut !== undefined) process.exitCode = 1;
  } finally {
    await stage.close();
    rmSync(dir, { recursive: true });
  }
  // Cut short, the story may still be waiting for what was ended.
  if (process.exitCode !== undefined) process.exit();
}

/** A signal, or a reader that leaves (`| head`): what runs in the background ends with the demo. */
function cutShort(): Promise<'cut'> {
  return new Promise((resolve) => {
    process.stdout.on('error', () => resolve('cut'));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('cut'));
  });
}

function options(): { out?: string; help?: boolean; make?: MakeModule; fault?: string } {
  try {
    const { values: given } = parseArgs({
      options: {
        module: { type: 'string', default: 'simulator' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const make = modules[given.module];
    return make === undefined ? { fault: `There is no module ${given.module}.` } : { ...given, make };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

async function tell(stage: Stage, dir: string, make: MakeModule, out: string | undefined): Promise<void> {
  const port = await freePort();
  const origin = `https://127.0.0.1:${port}`;
  const conf = ['-c', 'latchkey.yaml'];
  writeFileSync(
    join(dir, 'latchkey.yaml'),
    `iss: latchkey.demo\ndataDir: data\nkek: kek\napi: { port: ${port}, origin: '${origin}' }\nops: { port: 0 }\n`,
  );
  mkdirSync(join(dir, 'homes'));

  stage.chapter('A server: its keys, its database, the first officer’s code');
  const init = await stage.demand(undefined, 'latchkey-server', ...conf, 'init', '--officer', 'olivia');
  await stage.background('latchkey-server', [...conf, 'start'], (line) => line.includes('"listening"'));
  await stage.enroll('olivia', codeIn(init.stdout));

  stage.chapter('The officer invites a station, an engineer and an auditor, and orders two modules');
  for (const [name, role] of [
    ['line-1', 'station'],
    ['alice', 'engineer'],
    ['audrey', 'auditor'],
  ] as const) {
    const invited = await stage.demand('olivia', 'latchkey', 'invite', name, '--role', role);
    await stage.enroll(name, codeIn(invited.stdout));
  }
  const order = ['--quantity', '2', '--station', 'line-1'];
  await stage.demand('olivia', 'latchkey', 'orders', 'create', 'A-7731', ...order);

  stage.chapter('A module comes off the line; the station provisions it over its AT port');
  const roots = 'roots.jwk.json';
  const keys = KeySet.parse(await publicJson(dir, origin, '/v1/keys')).roots;
  writeFileSync(join(dir, roots), JSON.stringify(keys));
  const module = await make(stage, { dir, roots, hwid: 'LTE4-00A1B2C3D4E5', imei: '490154203237518' });
  const trace = ['--trace', 'transcript.txt'];
  const at = ['--port', module.at, ...trace];
  await stage.demand('line-1', 'latchkey', 'status', ...at);
  await stage.demand('line-1', 'latchkey', 'provision', ...at, '--order', 'A-7731');
  stage.say('   The module is locked now: its console port answers nothing, whatever is typed.');

  stage.chapter('The engineer unlocks it, for one ticket and ten minutes');
  const why = ['--reason', 'drops off the bus', '--ticket', 'SUP-1423', '--for', '10m'];
  const unlocked = await stage.demand('alice', 'latchkey', 'unlock', ...at, '--hwid', module.hwid, ...why);
  const unlock = uuidIn(unlocked.stdout + unlocked.stderr);

  stage.chapter('The password is this module’s own; showing it is an event');
  const shown = await stage.quietly('alice', 'latchkey', 'password', unlock, '--print', '--json');
  const { user, password } = JSON.parse(shown.stdout) as { user: string; password: string };
  stage.say(`   latchkey password ${unlock}\n   login ${user}, password of ${password.length} characters`);
  await stage.converse(
    'alice',
    'latchkey',
    ['console', '--port', module.console],
    [
      { until: 'login: ', type: user },
      { until: 'Password: ', type: password },
      { until: '# ', type: 'uname -a' },
      { until: '# ', type: 'cat /etc/os-release' },
      { until: '# ', type: 'exit' },
    ],
  );
  await stage.demand('alice', 'latchkey', 'lock', ...at);

  stage.chapter('What is refused');
  stage.say('The same token once more, on the same module:');
  stage.show(await tryAgain(join(dir, 'transcript.txt'), module.at));
  const other = await make(stage, { dir, roots, hwid: 'LTE4-00A1B2C3D4E6', imei: '356938035643809' });
  await stage.demand('line-1', 'latchkey', 'provision', '--port', other.at, '--order', 'A-7731');
  stage.say('The same token on this other module, which waits for one of its own:');
  stage.show(await tryElsewhere(join(dir, 'transcript.txt'), other.at));
  stage.say('More than policy allows:');
  await stage.run(
    'alice',
    'latchkey',
    'unlock',
    '--port',
    other.at,
    '--hwid',
    other.hwid,
    '--reason',
    'curious',
    '--for',
    '8h',
  );

  stage.chapter('The record');
  await stage.demand('audrey', 'latchkey', 'events', 'list', '--oldest');
  await stage.demand('audrey', 'latchkey', 'log', 'verify');
  await stage.demand('audrey', 'latchkey', 'bundle', unlock, '--out', 'unlock.bundle');
  await stage.demand('audrey', 'latchkey', 'verify', 'unlock.bundle');
  stage.say(
    '\nThat file proves the unlock to anybody who has the root keys, years from now, without a server.',
  );
  if (out !== undefined) {
    await leave(dir, out, origin);
    stage.say(`Messages, log and transcript are in ${out}.`);
  }
}

function codeIn(output: string): string {
  return /LATCHKEY1-\S+/.exec(output)?.[0] ?? '';
}

function uuidIn(output: string): string {
  return /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(output)?.[0] ?? '';
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
