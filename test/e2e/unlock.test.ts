import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { spawn as spawnPty } from 'node-pty';
import { rsaJwk } from '../../protocol/jwk.ts';
import { Deployment, type ServerProcess } from '../fixture/deployment.ts';
import { type Program, run } from '../fixture/program.ts';

/** The main path with the programs that users run, each a process of its own, on real ports and disk. */

const HWID = 'SIM-00000001';
const dist = join(import.meta.dirname, '../..');

let deployment: Deployment;
let server: ServerProcess;
let module: Program;
let at: string;
let consolePort: string;
let homes: string;

before(async () => {
  const made = await Deployment.make();
  deployment = made.deployment;
  server = await deployment.start();
  homes = mkdtempSync(join(tmpdir(), 'latchkey-homes-'));
  await latchkey('dora', 'enroll', made.code);
  for (const [name, role] of [
    ['line-1', 'station'],
    ['alice', 'engineer'],
    ['carol', 'auditor'],
  ] as const) {
    const { code } = await latchkey('dora', 'invite', name, '--role', role);
    await latchkey(name, 'enroll', code);
  }
  const roots = join(homes, 'roots.json');
  const keys = ['root-a.pub', 'root-b.pub'].map((name) =>
    readFileSync(join(deployment.dir, 'data/keys', name)),
  );
  writeFileSync(roots, JSON.stringify({ keys: keys.map((pem) => rsaJwk(createPublicKey(pem))) }));
  const flash = join(homes, 'flash');
  module = run('module/simulator/main.js', '--dir', flash, '--root', roots, '--hwid', HWID, '--json');
  ({ at, console: consolePort } = JSON.parse(await module.firstLine));
  await latchkey('dora', 'orders', 'create', 'A-7731', '--quantity', '10', '--station', 'line-1');
  await latchkey('line-1', 'provision', '--port', at, '--order', 'A-7731');
});

after(async () => {
  module.child.kill();
  await module.ended;
  server.child.kill();
  await server.gone;
  deployment.remove();
  rmSync(homes, { recursive: true });
});

test('an engineer opens a module, logs in with its password, and locks it; the record proves it offline', async () => {
  const { unlock } = await latchkey(
    'alice',
    'unlock',
    '--port',
    at,
    '--hwid',
    HWID,
    '--reason',
    'drops off the bus',
  );
  const { user, password } = await latchkey('alice', 'password', unlock.id, '--print');
  const said = await console(`${user}\r`, `${password}\r`, 'uname -a\r');
  assert.match(said, /Password: .*uname -a\r\nLinux /s);
  assert.ok(!said.includes(password));
  assert.equal((await latchkey('alice', 'lock', '--port', at)).already, false);
  const bundle = join(homes, 'unlock.bundle');
  await latchkey('alice', 'bundle', unlock.id, '--out', bundle);
  assert.equal((await latchkey('carol', 'log', 'verify')).entries, true);
  const types = (await latchkey('carol', 'events', 'list', '--unlock', unlock.id, '--oldest')).items.map(
    ({ event }: { event: { type: string; event?: string } }) => event.event ?? event.type,
  );
  assert.deepEqual(types, ['unlock.requested', 'unlock.issued', 'opened', 'password.revealed', 'closed']);
  server.child.kill();
  await server.gone;
  assert.ok((await latchkey('alice', 'verify', bundle)).proved.length > 0);
  assert.equal((await latchkey('alice', 'status', '--port', at)).state, 'locked');
  assert.equal((await failing('alice', 'whoami')).code, 'server-refused');
  server = await deployment.start();
  await latchkey('alice', 'whoami');
});

test('a token used before opens nothing: its nonce died when it was first seen (DESIGN section 4)', async () => {
  const [asked, granted] = [join(homes, 'asked.json'), join(homes, 'granted.json')];
  await latchkey('line-1', 'challenge', '--port', at, '--for', '60s', '--out', asked);
  await latchkey(
    'alice',
    'unlock',
    '--challenge',
    asked,
    '--out',
    granted,
    '--reason',
    'bench without network',
  );
  await latchkey('line-1', 'apply', granted, '--port', at);
  await latchkey('line-1', 'lock', '--port', at);
  const refused = await failing('line-1', 'apply', granted, '--port', at);
  assert.deepEqual([refused.code, refused.cme], ['module-refused', 904]);
});

test('Ctrl-C ends a command at once and gives the port free; exit 130, but watching has no other end', async () => {
  const watching = start('carol', 'events', 'watch', '--after', '0', '--json');
  await watching.sees('stdout', /unlock.requested/);
  await latchkey('alice', 'unlock', '--port', at, '--hwid', HWID, '--reason', 'to be attached to');
  watching.child.kill('SIGINT');
  assert.equal((await once(watching.child, 'close'))[0], 0);
  const attached = start('alice', 'console', '--port', consolePort);
  await attached.sees('stdout', /login: /, async () => void attached.child.stdin?.write('\r'));
  attached.child.kill('SIGINT');
  assert.equal((await once(attached.child, 'close'))[0], 130);
  assert.match(await console('\r'), /login: /);
  await latchkey('alice', 'lock', '--port', at);
});

test('without a name the module is confirmed on the terminal; no, and Ctrl-C, ask for nothing', async () => {
  const asked = ['unlock', '--port', at, '--reason', 'which one is it'];
  const no = await onTerminal(asked, 'n\r');
  assert.match(
    no.said,
    /The port says module SIM-00000001, IMEI 490154203237518\. Is that the one\? \[y\/N\]/,
  );
  assert.deepEqual([no.exit, (await onTerminal(asked, '\x03')).exit], [2, 130]);
  const { items } = await latchkey('alice', 'unlocks', 'list');
  assert.ok(items.every(({ reason }: { reason: string }) => reason !== 'which one is it'));
  const yes = await onTerminal(asked, 'y\r');
  assert.equal(yes.exit, 0);
  assert.match(yes.said, /Module SIM-00000001 is open: console for 15 min/);
  await latchkey('alice', 'lock', '--port', at);
});

test('on a terminal a password is shown until a key is pressed, then erased; --login shows none', async () => {
  const asked = ['--port', at, '--hwid', HWID, '--reason', 'to be logged in'];
  const { unlock } = await latchkey('alice', 'unlock', ...asked);
  const shown = await onTerminal(['password', unlock.id], 'x', /password \S{29}/);
  assert.equal(shown.exit, 0);
  assert.ok(shown.said.includes('\r\x1b[2K'), shown.said);
  assert.ok(!/x(?:\r|$)/.test(shown.said.split('password ').at(-1) ?? ''), 'the key is not echoed');
  const cut = await onTerminal(['password', unlock.id], '\x03', /password \S{29}/);
  assert.deepEqual([cut.exit, cut.said.includes('\r\x1b[2K')], [130, true]);
  const { password } = await latchkey('alice', 'password', unlock.id, '--print');

  const line = ['unlock', ...asked, '--console', consolePort, '--login'];
  const { exit, said } = await onTerminal(line, 'exit\r\x1d', /# $/);
  assert.equal(exit, 0, said);
  assert.match(said, /attached to .*: Ctrl-\] leaves/);
  assert.ok(!said.includes(password.slice(0, 9)), 'never shown');
  await latchkey('alice', 'lock', '--port', at);
});

/** Runs a command of alice's on a terminal, and answers what it says once with what is typed. */
function onTerminal(
  args: readonly string[],
  answer: string,
  to = /\[y\/N\]/,
): Promise<{ exit: number; said: string }> {
  const program = [join(dist, 'cli/main.js'), '--home', join(homes, 'alice'), ...args];
  const terminal = spawnPty(process.execPath, program, { cols: 200 });
  let said = '';
  let answered = false;
  terminal.onData((piece) => {
    said += piece;
    if (answered || !to.test(said)) return;
    answered = true;
    terminal.write(answer);
  });
  return new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve({ exit: exitCode, said })));
}

/** Runs `latchkey --json` in somebody's home. @returns what it printed; asserts that it succeeded */
async function latchkey(who: string, ...args: string[]) {
  const { code, stdout, stderr } = await cli(who, ...args);
  assert.equal(code, 0, `latchkey ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

async function failing(who: string, ...args: string[]) {
  const { code, stdout, stderr } = await cli(who, ...args);
  assert.notEqual(code, 0, stdout);
  return JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error;
}

function cli(who: string, ...args: string[]): Program['ended'] {
  return run('cli/main.js', '--json', '--home', join(homes, who), ...args).ended;
}

interface Started {
  readonly child: ChildProcess;
  /** Waits until its output matches, after `act`. */
  sees(stream: 'stdout' | 'stderr', pattern: RegExp, act?: () => Promise<unknown>): Promise<string>;
}

function start(who: string, ...args: string[]): Started {
  const child = spawn(process.execPath, [join(dist, 'cli/main.js'), '--home', join(homes, who), ...args]);
  return {
    child,
    async sees(stream, pattern, act = async () => {}) {
      let text = '';
      const seen = new Promise<string>((resolve, reject) => {
        child[stream].on('data', (piece: Buffer) => {
          text += piece;
          if (pattern.test(text)) resolve(text);
        });
        child.once('close', () => reject(new Error(`it ended with: ${text}`)));
      });
      await act();
      return seen;
    },
  };
}

/** Types on the console, each piece once the module has answered the one before. @returns all it said */
async function console(...typed: string[]): Promise<string> {
  const { child } = start('alice', 'console', '--port', consolePort);
  let said = '';
  for (const piece of typed) {
    const before = said.length;
    child.stdin?.write(piece);
    const answered = () => /(login: |Password: |# )$/.test(said.slice(before));
    while (!answered()) said += String((await once(child.stdout ?? child, 'data'))[0]);
  }
  child.stdin?.end();
  await once(child, 'close');
  assert.equal(child.exitCode, 0);
  return said;
}
