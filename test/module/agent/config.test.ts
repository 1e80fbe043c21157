import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
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
  ['a third root', 'root = /dev/null'],
  ['a firmware of more than 64 characters', `firmware = ${'x'.repeat(65)}`],
  ['a user that would be two fields', 'user = root:x'],
  ['a firmware that cannot stand in a challenge', 'firmware = say "hello"'],
] as const) {
  test(`refused with its line: ${rule}`, async (t) => {
    const home = newHome(t);
    const lines = home.lines.filter(
      (kept) => !line.startsWith('firmware = x') || !kept.startsWith('firmware'),
    );
    const kept = line.startsWith('adb.start') ? lines.filter((other) => !other.startsWith('adb')) : lines;
    home.configure([...kept, line]);
    assert.match(await refusal(home), new RegExp(`:${kept.length + 1}:`));
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
  ['an IMEI that is not 15 digits', 'imei', '49015420323751\n'],
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

test('a configuration that is not there', async (t) => {
  const home = newHome(t);
  assert.match(await refusal(home, home.path('none')), /none/);
});
