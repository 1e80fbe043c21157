import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { keyObject } from '../../protocol/jwk.ts';
import { challenge, give, HostPort, provision } from './host.ts';
import { someHash, testIssuer } from './issuer.ts';

const issuer = await testIssuer();
const program = resolve(import.meta.dirname, '../../module/simulator/main.js');

function directory(t: TestContext): { dir: string; roots: string } {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-main-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const roots = join(dir, 'roots.json');
  writeFileSync(roots, JSON.stringify({ keys: issuer.firmware }));
  return { dir: join(dir, 'module'), roots };
}

async function run(t: TestContext, ...flags: string[]): Promise<{ child: ChildProcess; at: string }> {
  const child = spawn(process.execPath, [program, '--json', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const said = JSON.parse(String(line));
  assert.equal(said.pid, child.pid);
  return { child, at: String(said.at) };
}

test('it says where its ports are, and SIGTERM ends it in order, open or not', {
  timeout: 30_000,
}, async (t) => {
  const { dir, roots } = directory(t);
  const { child, at } = await run(t, '--dir', dir, '--root', roots, '--hwid', 'LTE4-00000007');
  const host = await HostPort.open(at);
  assert.match(await host.at('AT+QLATCH?'), /"unprovisioned",0,"LTE4-00000007",0/);
  await provision(host, issuer, someHash('one'));
  await give(host, 'unlock', await issuer.token(await challenge(host, 900)));
  await host.close();
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('its roots may be the PEM files that latchkey-server init leaves', async (t) => {
  const { dir, roots } = directory(t);
  const files = issuer.firmware.map((root, place) => {
    const file = `${roots}.${place}.pub`;
    writeFileSync(file, keyObject(root).export({ type: 'spki', format: 'pem' }));
    return file;
  });
  const { at } = await run(t, '--dir', dir, '--root', ...files);
  const host = await HostPort.open(at);
  await provision(host, issuer, someHash('one'));
  assert.match(await host.at('AT+QLATCH?'), /"locked"/);
  await host.close();
});

test('killed while open, it comes back locked, with a closed/reboot receipt (section 4)', async (t) => {
  const { dir, roots } = directory(t);
  const flags = ['--dir', dir, '--root', roots, '--at', 'tcp:0', '--console', 'tcp:0'];
  const first = await run(t, ...flags);
  let host = await HostPort.open(first.at);
  await provision(host, issuer, someHash('one'));
  await give(host, 'unlock', await issuer.token(await challenge(host, 900)));
  assert.match(await host.at('AT+QLATCH?'), /"open",900,/);
  await host.close();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = await run(t, ...flags);
  host = await HostPort.open(second.at);
  assert.match(await host.at('AT+QLATCH?'), /"locked",0,/);
  const receipts = await host.at('AT+QLATCH="receipts",0');
  const last = receipts.split('"receipt","').at(-1)?.split('.')[1] ?? '';
  assert.equal(JSON.parse(Buffer.from(last, 'base64url').toString()).why, 'reboot');
  await host.close();
});

for (const [rule, flags, words, exit] of [
  ['one root is not enough', ['--root', 'ONE'], /two different/, 1],
  ['a root is an RSA-4096 key', ['--root', 'WRONG'], /not an RSA-4096 public key/, 1],
  ['a file that is neither PEM nor JSON', ['--root', 'TEXT'], /not an RSA-4096 public key/, 1],
  ['a hardware ID has its form', ['--root', 'ROOTS', '--hwid', 'abc'], /8 to 64/, 2],
  ['an IMEI has 15 digits', ['--root', 'ROOTS', '--imei', '12'], /15 digits/, 2],
  ['a port is pty or tcp', ['--root', 'ROOTS', '--at', 'tcp:70000'], /pty or tcp:PORT/, 2],
  ['a rate is a number', ['--root', 'ROOTS', '--baud', 'fast'], /115200/, 2],
] as const) {
  test(`refused with a sentence: ${rule}`, (t) => {
    const { dir, roots } = directory(t);
    const files: Record<string, string> = {
      ROOTS: roots,
      ONE: `${roots}.one`,
      WRONG: `${roots}.wrong`,
      TEXT: `${roots}.txt`,
    };
    writeFileSync(`${roots}.one`, JSON.stringify(issuer.firmware[0]));
    writeFileSync(`${roots}.wrong`, JSON.stringify(issuer.first.jwk));
    writeFileSync(`${roots}.txt`, 'no key');
    const { status, stderr } = spawnSync(
      process.execPath,
      [program, '--dir', dir, ...flags.map((flag) => files[flag] ?? flag)],
      { encoding: 'utf8' },
    );
    assert.equal(status, exit);
    assert.match(stderr, words);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  });
}

test('--help shows examples', () => {
  const { status, stdout } = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /latchkey-module --dir \.\/m1 --root/);
});

test('a command line that is wrong exits 2, and --help 0, as with the other programs', () => {
  const status = (...flags: string[]) => spawnSync(process.execPath, [program, ...flags]).status;
  assert.deepEqual([status(), status('--dir', 'x', '--bogus'), status('--help')], [2, 2, 0]);
});
