import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { AgentHome } from './home.ts';
import { buildLatchd, Ended, Latchd } from './latchd.ts';
import { vectorRoots } from './roots.ts';

const program = buildLatchd();

function newHome(t: TestContext, hwid: readonly string[] = ['LTE4-00A1B2C3D4E5']): AgentHome {
  const home = new AgentHome(vectorRoots(), hwid, '490154203237518');
  t.after(() => home.remove());
  return home;
}

/** The first of the vectors' roots, changed, as a root's file has it. */
const root = (change: object) => `${JSON.stringify({ ...vectorRoots()[0], kid: undefined, ...change })}\n`;

/** @returns what it says before it ends with 1 */
async function refusal(home: AgentHome, configuration = home.configuration): Promise<string> {
  const latchd = Latchd.spawn(program, home, {}, configuration);
  const taken = latchd.send('AT').then(() => latchd.kill('SIGKILL'));
  const { code, stderr } = await latchd.ended;
  assert.equal(code, 1, stderr);
  await assert.rejects(taken, Ended);
  assert.match(stderr, /^(?:latchd: .+\n)+$/);
  return stderr;
}

test('comments, empty lines and spaces around `=` are no fault', async (t) => {
  const home = newHome(t);
  home.configure(['# a module', '', ...home.lines.map((line) => `  ${line.replace(' = ', '=')}  `)]);
  const latchd = await Latchd.start(program, home);
  assert.equal((await latchd.send('AT+QLATCH?')).at(-1), 'OK');
  latchd.kill('SIGTERM');
  assert.equal((await latchd.ended).code, 0);
});

test('the hardware ID is read from its files, in upper case, joined by `-` (section 3)', async (t) => {
  const home = newHome(t, ['lte4', '00a1b2', 'C3D4E5']);
  const latchd = await Latchd.start(program, home);
  assert.match((await latchd.send('AT+QLATCH?'))[0] ?? '', /"unprovisioned",0,"LTE4-00A1B2-C3D4E5",0/);
  latchd.kill('SIGTERM');
  await latchd.ended;
});

for (const [rule, line] of [
  ['a key that it does not know', 'colour = red'],
  ['no `=`', 'store'],
  ['no value', 'console.start ='],
  ['a program that is not absolute', 'adb.start = adbd'],
  ['a service that is none of the three', 'telnet.start = /bin/telnetd'],
  ['the same key again', 'firmware = test 2'],
  ['a third root', 'root = HOME/third'],
  ['a firmware of more than 64 characters', `firmware = ${'x'.repeat(65)}`],
  ['a user that would be two fields', 'user = root:x'],
  ['a firmware that cannot stand in a challenge', 'firmware = say "hello"'],
  ['a second port', 'at = stdio'],
  ['a second IMEI', 'imei = HOME/imei'],
  ['a second store', 'store = /var/lib/latchd'],
  ['a second password file', 'shadow = /etc/shadow'],
  ['a second user', 'user = root'],
  ['a second program for the same', 'adb.stop = /bin/true'],
  ['a scope without a service', 'reset.start = /bin/true'],
  ['a service that is neither started nor stopped', 'ssh.run = /bin/true'],
  ['a program of 17 words', `adb.start = /bin/true${' x'.repeat(16)}`],
  ['a program of 256 characters', `adb.start = /${'x'.repeat(255)}`],
  ['a port that is not absolute', 'at = ttyUSB2'],
  ['a modem that is not absolute', 'modem = ttyUSB2'],
  ['a modem without a name', 'modem ='],
  ['a store that is not absolute', 'store = none/store'],
  ['a password file that is not absolute', 'shadow = shadow'],
  ['a user without a name', 'user ='],
  ['a port without a name', 'at ='],
  ['a store without a name', 'store ='],
  ['a password file without a name', 'shadow ='],
  ['a firmware without a name', 'firmware ='],
  ['a firmware of 200 characters', `firmware = ${'x'.repeat(200)}`],
  ['an IMEI without a file', 'imei ='],
  ['an IMEI from an empty file', 'imei = HOME/empty'],
  ['a hardware ID from a file that is not there', 'hwid = /none'],
  ['a hardware ID from an empty file', 'hwid = HOME/empty'],
  ['a hardware ID that gets too long', 'hwid = HOME/long'],
  ['an IMEI from a file that is not there', 'imei = /none'],
  ['back doors in a file that is not there', 'backdoors = /none'],
  ['no back doors', 'backdoors = HOME/empty'],
] as const) {
  test(`refused with its line: ${rule}`, async (t) => {
    const home = newHome(t);
    // What stands there alone is wrong by itself; what is wrong by being the second has its first.
    const key = line.startsWith('ssh.') ? 'ssh.' : `${line.split(' ')[0]} `;
    const second = /^a (?:second|third)|again/.test(rule);
    const kept = home.lines.filter((other) => second || key === 'hwid ' || !other.startsWith(key));
    writeFileSync(home.path('third'), root({ n: Buffer.alloc(512, 0xff).toString('base64url') }));
    writeFileSync(home.path('long'), 'A'.repeat(60));
    writeFileSync(home.path('empty'), '');
    home.configure([...kept, line.replace('HOME', home.dir)]);
    const unknown = /^(?:a key|no `=`|a service|a scope)/.test(rule);
    const why = unknown ? 'unknown key' : 'not a value for this key, or one too many';
    assert.match(await refusal(home), new RegExp(`:${kept.length + 1}: ${why}\n$`));
  });
}

for (const missing of ['at', 'hwid', 'imei', 'firmware', 'root', 'store', 'shadow', 'user']) {
  test(`refused where it is missing: ${missing}`, async (t) => {
    const home = newHome(t);
    home.configure(home.lines.filter((line) => !line.startsWith(`${missing} =`)));
    assert.match(await refusal(home), new RegExp(`\\b${missing}\\b`));
  });
}

test('firmware carries two roots, not one, and not one twice (section 3)', async (t) => {
  const home = newHome(t);
  const one = home.lines.filter((line) => line !== `root = ${home.path('root1')}`);
  home.configure(one);
  assert.match(await refusal(home), /lacks root/);
  home.configure([...one, `root = ${home.path('root0')}`]);
  assert.match(await refusal(home), new RegExp(`:${one.length + 1}:`));
});

for (const [rule, file, text] of [
  ['a root that is no key', 'root0', 'hello\n'],
  ['a root with something behind it', 'root0', `${JSON.stringify(vectorRoots()[0])}{}\n`],
  ['a hardware ID that is too short', 'hwid0', 'LTE4\n'],
  ['a hardware ID of other characters', 'hwid0', 'LTE4 00A1B2C3D4E5\n'],
  ['an empty hardware ID', 'hwid0', '\n'],
  ['a hardware ID that is too long', 'hwid0', `${'A'.repeat(65)}\n`],
  ['an IMEI of 14 digits', 'imei', '49015420323751\n'],
  ['an IMEI of 16 digits', 'imei', '4901542032375180\n'],
  ['an IMEI of 15 digits and a letter', 'imei', '490154203237518X\n'],
  ['an IMEI of other characters', 'imei', '49015420323751X\n'],
  ['an IMEI that is empty', 'imei', '\n'],
  ['a hardware ID that ends too soon', 'hwid0', ''],
  ['a root of another kind', 'root0', root({ kty: 'EC' })],
  ['a root of another exponent', 'root0', root({ e: 'Aw' })],
  ['a root of another name', 'root0', root({ kid: vectorRoots()[1].kid })],
  ['a root with a member of its own', 'root0', root({ use: 'sig' })],
  ['a root that is too short', 'root0', root({ n: Buffer.alloc(384, 0xff).toString('base64url') })],
  ['a root that does not end', 'root0', root({}).replace('}', '')],
  ['a root with a line behind it', 'root0', `${root({})}\n`],
  ['an empty root', 'root0', ''],
] as const) {
  test(`refused: ${rule}`, async (t) => {
    const home = newHome(t);
    writeFileSync(home.path(file), text);
    await refusal(home);
  });
}

for (const [who, mode] of [
  ['its group', 0o620],
  ['everybody', 0o602],
] as const) {
  test(`a configuration that ${who} may write is refused (DESIGN section 2: no back door)`, async (t) => {
    const home = newHome(t);
    chmodSync(home.configuration, mode);
    assert.match(await refusal(home), /latchd\.conf/);
  });
}

for (const file of ['hwid0', 'imei']) {
  test(`who may write ${file} would say which module this is: refused (section 1)`, async (t) => {
    const home = newHome(t);
    chmodSync(home.path(file), 0o666);
    assert.match(await refusal(home), new RegExp(`/${file}: must be`));
  });
}

test('a configuration that is not a regular file is refused, whatever it says', (t) => {
  const home = newHome(t);
  const [name, ...first] = program;
  // A here-document is a pipe.
  const script = `exec "$@" -c /dev/fd/3 3<<'END'\n${readFileSync(home.configuration, 'utf8')}END\n`;
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', name, ...first], {
    env: { PATH: process.env['PATH'], ...home.environment },
    encoding: 'utf8',
  });
  assert.deepEqual([status, /must be a regular file/.test(stderr)], [1, true], stderr);
});

for (const [what, line] of [
  ['a root', 'root0'],
  ['the list of back doors', 'backdoors'],
] as const) {
  test(`refused: ${what} that others may write, or are the owners of`, async (t) => {
    const home = newHome(t);
    writeFileSync(home.path('backdoors'), '# none\n\nQADBKEY\n');
    home.configure([...home.lines, `backdoors = ${home.path('backdoors')}`]);
    for (const mode of [0o620, 0o602]) {
      chmodSync(home.path(line), mode);
      assert.match(await refusal(home), new RegExp(`${line}: must be`));
    }
    chmodSync(home.path(line), 0o600);
    if (process.getuid?.() !== 0) return;
    chownSync(home.path(line), 65_534, 0);
    assert.match(await refusal(home), new RegExp(`${line}: must be`));
  });
}

test('refused: back doors that are none, and a modem without any', async (t) => {
  const home = newHome(t);
  const lines = [...home.lines, `backdoors = ${home.path('backdoors')}`];
  for (const list of ['# none\n', '"\n', `${'X'.repeat(64)}\n`, 'QADBKEY\n'.repeat(65)]) {
    writeFileSync(home.path('backdoors'), list);
    home.configure(lines);
    assert.match(await refusal(home), new RegExp(`:${lines.length}:`));
  }
  home.configure([...home.lines, 'modem = /dev/ttyUSB2']);
  assert.match(await refusal(home), /lacks backdoors/);
});

test('a configuration that is not there', async (t) => {
  const home = newHome(t);
  assert.match(await refusal(home, home.path('none')), /^latchd: cannot read [^\n]*none[^\n]*\n$/);
});

test('called otherwise than with -c and one configuration it says how it is called, and does nothing', (t) => {
  const home = newHome(t);
  const [file, ...first] = program;
  const conf = home.configuration;
  for (const words of [[], ['-c'], ['-C', conf], ['-c', conf, 'more']]) {
    const { status, stderr } = spawnSync(file, [...first, ...words], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [2, 'latchd: usage: latchd -c FILE\n'], words.join(' '));
  }
});
