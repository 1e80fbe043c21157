import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openPty } from '../../../module/simulator/pty.ts';
import { AgentHome } from './home.ts';
import { buildLatchd, Latchd } from './latchd.ts';
import { LineEnd, Modem } from './modem.ts';
import { vectorRoots } from './roots.ts';

const program = buildLatchd();

const limits = { timeout: 60_000 };

/** The list that ships, and the commands in it. */
const list = resolve(import.meta.dirname, '../../../../module/agent/backdoors.conf');
const BACKDOORS = readFileSync(list, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** latchd between a host and a modem. */
async function between(t: TestContext): Promise<{ host: LineEnd; modem: Modem; latchd: Latchd }> {
  const [host, far] = await Promise.all([LineEnd.open(), LineEnd.open()]);
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  copyFileSync(list, home.path('backdoors'));
  home.configure([
    ...home.lines.filter((line) => !line.startsWith('at =')),
    `at = ${host.path}`,
    `modem = ${far.path}`,
    `backdoors = ${home.path('backdoors')}`,
  ]);
  const latchd = Latchd.spawn(program, home);
  t.after(async () => {
    latchd.kill('SIGTERM');
    await latchd.ended;
    await Promise.all([host.close(), far.close()]);
    home.remove();
  });
  return { host, modem: new Modem(far), latchd };
}

const FINAL = /\r\n(?:OK|ERROR|\+CME ERROR: \d+)\r\n/;

test('what is none of its business passes both ways untouched', limits, async (t) => {
  const { host, modem } = await between(t);
  modem.answer = () => '\r\n+CSQ: 20,99\r\n\r\nOK\r\n';
  host.write('AT+CSQ\r');
  assert.equal(await host.until(FINAL), '\r\n+CSQ: 20,99\r\n\r\nOK\r\n');
  assert.equal(await modem.end.until(/\r/), 'AT+CSQ\r');
  modem.end.write('\r\nRING\r\n');
  assert.equal(await host.until(/RING\r\n/), '\r\nRING\r\n');
});

test('lines pass split and merged as they come', limits, async (t) => {
  const { host, modem } = await between(t);
  for (const piece of ['AT', '+C', 'SQ\rAT+CR', 'EG?\rat+cops?\r']) host.write(piece);
  for (let count = 0; count < 3; count++) await host.until(FINAL);
  assert.deepEqual(modem.lines, ['AT+CSQ', 'AT+CREG?', 'at+cops?']);
});

test('QLATCH is answered here and never reaches the modem, alone or in a chain', limits, async (t) => {
  const { host, modem } = await between(t);
  host.write('AT+QLATCH?\r');
  assert.match(await host.until(FINAL), /"unprovisioned",0,"LTE4-00A1B2C3D4E5",0/);
  for (const line of [
    'at + qlatch ?',
    'AT+CSQ;+QLATCH?',
    'AT+QLATCH?;+CSQ',
    'ATE0+QLATCH?',
    'AT+QLA\x00TCH?',
  ]) {
    host.write(`${line}\r`);
    await host.until(FINAL);
  }
  assert.deepEqual(reached(modem, 'QLATCH'), []);
});

test('the answer of latchd does not stand inside an answer of the modem', limits, async (t) => {
  const { host, modem } = await between(t);
  modem.answer = () => '\r\n+CSQ: 20';
  host.write('AT+CSQ\rAT+QLATCH?\r');
  await modem.end.until(/AT\+CSQ\r/);
  await host.until(/\+CSQ: 20/);
  modem.end.write(',99\r\n\r\nOK\r\n');
  assert.equal(await host.until(FINAL), ',99\r\n\r\nOK\r\n');
  assert.match(await host.until(FINAL), /^\r\n\+QLATCH: "unprovisioned"/);
});

for (const line of [
  'AT+QLINUXCMD="id"',
  'at+qlinuxcmd="id"',
  'AT +QLINUXCMD = "id"',
  'AT+Q LINUXCMD="id"',
  'AT+QADBKEY?',
  'AT+QADBKEY=?',
  'AT+CSQ;+QADBKEY?',
  'AT+CSQ; +qadbkey="x"',
  'ATE0+QADBKEY?',
  'ATE0;+QADBKEY?',
  'AT+COPS="a;b";+QADBKEY?',
  'AT+QCFG="usbcfg",0x2C7C,0x0125,1,1,1,1,1,1,0',
  'at+qcfg = "USBCFG",0x2C7C,0x0125,1,1,1,1,1,1,0',
  'AT+QFASTBOOT',
  'AT+CMUX=0',
  'AT+QFUMOCFG="dmacc","`reboot`"',
  'AT+QDOWNLOAD=1',
  'AT+QDOWNX\bLOAD=1',
  'AT+QLI\nNUXCMD="id"',
  'AT+QLI\x00NUXCMD="id"',
  'AT+QLI\x7fNUXCMD="id"',
  'xAT+QLINUXCMD="id"',
  'AT+Q\\4CINUXCMD="id"',
  'AT+Q\xccINUXCMD="id"',
  'ATS5=88;+QLINXUXCMD="id"',
  `AT+CSQ${' '.repeat(2000)};+QLINUXCMD="id"`,
  // For a modem that does not edit, that decodes `\hh` (V.250 §5.4.2.2), or that takes seven bits.
  'AT+QAD\bBKEY?',
  'AT+Q\\41DBKEY?',
  'AT+QADBKE\xd9?',
  `AT+QAD${'x'.repeat(1200)}${'\b'.repeat(1200)}BKEY?`,
  // A space or a quote that the modem has kept is erased before the letter in front of it.
  'AT+QADX \b\bBKEY?',
  'AT+QADBX"\b\bKEY?',
  'AT+QAD\\4X \b\b2KEY?',
  // Another character that erases would hide a command from whoever watches (V.250 §6.2.3).
  'ATS5=66',
  'ATE0S005=66',
  'AT+CSQ;S5=66',
  'ATE0S0X\b5=66',
  // LF is no end of a line, and a line end of another kind would hide where one begins (§6.2.1).
  'ATS\n5=66',
  'AT+CSQ\x8dATS5=66',
  'ATS3=33',
]) {
  const shown = JSON.stringify(line.length > 60 ? `${line.slice(0, 20)}…${line.slice(-20)}` : line);
  test(`a back door is shut: ${shown} (section 5)`, limits, async (t) => {
    const { host, modem } = await between(t);
    host.write(`${line}\r`);
    host.write('AT+QLATCH?\r');
    const answered = await host.until(/\+QLATCH: "unprovisioned".*\r\n\r\nOK\r\n/);
    if (/^at/i.test(line)) assert.match(answered, /\r\nERROR\r\n/);
    for (const door of BACKDOORS) assert.deepEqual(reached(modem, door), []);
  });
}

test(
  'what the host types after `> ` or CONNECT goes on byte by byte, and is watched all the same',
  limits,
  async (t) => {
    const { host, modem } = await between(t);
    modem.answer = (line) => (line.startsWith('AT+CMGS') ? '\r\n> ' : '\r\nCONNECT 115200\r\n');
    for (const [command, prompt] of [
      ['AT+CMGS="1"', /> /],
      ['ATD*99#', /CONNECT 115200\r\n/],
    ] as const) {
      host.write(`${command}\r`);
      await host.until(prompt);
      host.write('hello');
      await modem.end.until(/hello/);
      host.write('\rAT+QADBKEY?\rAT+QLATCH?\rbye');
      await modem.end.until(/bye/);
      modem.end.write('\r\nOK\r\n');
      await host.until(/\r\nOK\r\n/);
      host.write('\r');
    }
    assert.deepEqual([...reached(modem, 'QADBKEY'), ...reached(modem, 'QLATCH')], []);
  },
);

test('a modem that only seems to take data is not told to edit its lines otherwise', limits, async (t) => {
  const { host, modem } = await between(t);
  modem.answer = (line) => (line === 'CONNECT' ? 'CONNECT\r\n' : '\r\nOK\r\n');
  host.write('CONNECT\r');
  await host.until(/CONNECT\r\n/);
  host.write('ATS5=66\rATS');
  await modem.end.until(/\rATS/);
  modem.end.write('\r\nOK\r\n');
  await host.until(/\r\nOK\r\n/);
  host.write('5=66\r');
  await host.until(/\r\nERROR\r\n/);
  assert.deepEqual(modem.lines, ['CONNECT', 'ATS5']);
});

test('a text that only sounds like a register is sent whole', limits, async (t) => {
  const { host, modem } = await between(t);
  modem.answer = () => '\r\n> ';
  host.write('AT+CMGS="1"\r');
  await host.until(/> /);
  // The one would set S3 and is no command; the other has a command's letters, and only names S5 and S3.
  const text = 'it is s3=4, and that was 5 minutes at most, costs 3 euros.';
  host.write(text);
  assert.equal(await modem.end.until(/\./), `AT+CMGS="1"\r${text}`);
});

test('without a modem behind it, it answers on the tty alone, whoever comes and goes', limits, async (t) => {
  const host = await LineEnd.open();
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  home.configure(home.lines.map((line) => (line.startsWith('at =') ? `at = ${host.path}` : line)));
  const latchd = Latchd.spawn(program, home);
  t.after(async () => {
    latchd.kill('SIGTERM');
    assert.equal((await latchd.ended).code, 0);
    await host.close();
    home.remove();
  });
  host.write('AT+QLATCH?\r');
  const echoed = await host.until(FINAL);
  assert.match(echoed, /^AT\+QLATCH\?\r\r\n\+QLATCH: "unprovisioned"/, 'bytes pass as they are');
  host.write('AT+CSQ\r');
  assert.match(await host.until(FINAL), /ERROR/);
});

test(
  'a modem that goes while it takes data, and nobody reads what it said, owes nothing when it is back',
  limits,
  async (t) => {
    const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
    writeFileSync(home.path('backdoors'), 'QLINUXCMD\n');
    let heard = '';
    let read = () => {};
    const reading = new Promise<void>((resolve) => {
      read = resolve;
    });
    const host = await openPty(async (bytes) => {
      heard += Buffer.from(bytes).toString('latin1');
      if (heard.includes('CONNECT')) await reading;
    });
    home.configure([
      ...home.lines.filter((line) => !line.startsWith('at =')),
      `at = ${host.path}`,
      `modem = ${home.path('modem')}`,
      `backdoors = ${home.path('backdoors')}`,
    ]);
    const latchd = Latchd.spawn(program, home);
    // Only now, or latchd inherits their descriptors, and there is no hanging up.
    const [far, back] = await Promise.all([LineEnd.open(), LineEnd.open()]);
    t.after(async () => {
      latchd.kill('SIGTERM');
      await latchd.ended;
      await Promise.all([host.close(), back.close()]);
      home.remove();
    });
    symlinkSync(far.path, home.path('modem'));
    far.write('\r\nRING\r\n');
    while (!heard.includes('RING')) await new Promise((resolve) => setTimeout(resolve, 20));
    host.write(Buffer.from('ATD*99#\r'));
    await far.until(/\r/);
    far.write('\r\nCONNECT\r\n');
    while (await takes(far));
    await far.close();
    rmSync(home.path('modem'));
    symlinkSync(back.path, home.path('modem'));
    host.write(Buffer.from('lost\r'));
    read();
    for (let tries = 0; tries < 60 && !heard.includes('"unprovisioned"'); tries += 1) {
      host.write(Buffer.from('AT+QLATCH?\r'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(heard.includes('"unprovisioned"'));
  },
);

/** Fills a line whose other end may have stopped reading. @returns false once it stays full */
async function takes(line: LineEnd, text = 'x'.repeat(512)): Promise<boolean> {
  for (let tries = 0; tries < 2000; tries += 1) {
    try {
      line.write(text);
      return true;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return false;
}

test(
  'a modem that says nothing is not waited for longer than 5 s, though nothing else happens',
  limits,
  async (t) => {
    const { host, modem } = await between(t);
    modem.answer = () => '';
    host.write('AT+CSQ\rAT+QLATCH?\r');
    assert.match(await host.until(FINAL), /"unprovisioned"/);
  },
);

test('while a modem does not read its data latchd sleeps, and then goes on', limits, async (t) => {
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  writeFileSync(home.path('backdoors'), 'QLINUXCMD\n');
  let arrived = '';
  let read = () => {};
  const reading = new Promise<void>((resolve) => {
    read = resolve;
  });
  const far = await openPty(async (bytes) => {
    arrived += Buffer.from(bytes).toString('latin1');
    if (arrived.includes('x')) await reading;
  });
  const host = await LineEnd.open();
  home.configure([
    ...home.lines.filter((line) => !line.startsWith('at =')),
    `at = ${host.path}`,
    `modem = ${far.path}`,
    `backdoors = ${home.path('backdoors')}`,
  ]);
  const [file, ...first] = program;
  const latchd = spawn(file, [...first, '-c', home.configuration], { stdio: 'ignore' });
  t.after(async () => {
    latchd.kill('SIGKILL');
    await once(latchd, 'close');
    await Promise.all([host.close(), far.close()]);
    home.remove();
  });
  host.write('ATD*99#\r');
  while (!arrived.includes('\r')) await new Promise((resolve) => setImmediate(resolve));
  far.write(Buffer.from('\r\nCONNECT\r\n'));
  await host.until(/CONNECT\r\n/);
  let sent = '';
  for (let more = true; more; ) {
    const block = String(sent.length).padStart(512, 'x');
    more = await takes(host, block);
    if (more) sent += block;
  }
  assert.ok(sent.length > 65_536, 'more than latchd holds for a modem');
  let [before, same] = [-1, 0];
  for (let tries = 0; tries < 250 && same < 10; tries += 1) {
    const now = ticks(latchd.pid);
    same = now === before ? same + 1 : 0;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(same, 10, 'it uses the processor');
  read();
  while (arrived.length < 'ATD*99#\r'.length + sent.length)
    await new Promise((resolve) => setImmediate(resolve));
  assert.ok(arrived === `ATD*99#\r${sent}`, 'all of it, in order');
});

/** The processor's time that a process has had (proc(5), utime and stime). */
function ticks(pid: number | undefined): number {
  const words = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return Number(words[11]) + Number(words[12]);
}

test(
  'started with none of its descriptors 0 to 2, it opens nothing else in their place',
  limits,
  async (t) => {
    const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
    const host = await LineEnd.open();
    home.configure(home.lines.map((line) => (line.startsWith('at =') ? `at = ${host.path}` : line)));
    const words = ['-c', 'exec "$@" <&- >&- 2>&-', 'sh', ...program, '-c', home.configuration];
    const latchd = spawn('/bin/sh', words, { stdio: 'ignore' });
    t.after(async () => {
      latchd.kill('SIGKILL');
      await once(latchd, 'close');
      await host.close();
      home.remove();
    });
    host.write('AT+QLATCH?\r');
    assert.match(await host.until(FINAL), /"unprovisioned"/);
    for (const fd of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${latchd.pid}/fd/${fd}`), '/dev/null');
  },
);

test('what a host that has gone typed, and was told, is not the next one’s', limits, async (t) => {
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  home.configure(home.lines.map((line) => (line.startsWith('at =') ? `at = ${home.path('port')}` : line)));
  const latchd = Latchd.spawn(program, home);
  let read = () => {};
  const reading = new Promise<void>((resolve) => {
    read = resolve;
  });
  // Only now, or latchd inherits their descriptors, and there is no hanging up.
  let heard = '';
  const first = await openPty(async (bytes) => {
    heard += Buffer.from(bytes).toString('latin1');
    if (FINAL.test(heard)) await reading;
  });
  const next = await LineEnd.open();
  t.after(async () => {
    latchd.kill('SIGTERM');
    await latchd.ended;
    await next.close();
    home.remove();
  });
  symlinkSync(first.path, home.path('port'));
  first.write(Buffer.from('AT\r'));
  while (!FINAL.test(heard)) await new Promise((resolve) => setTimeout(resolve, 20));
  // Echo and answers fill the line to a host that reads nothing, and then what latchd holds for it.
  const line = Buffer.from('AT+QLATCH?\r');
  for (let sent = 0, tries = 0; sent < 4000 && tries < 2000; tries += 1) {
    const took = first.write(line);
    sent += took === line.length ? 1 : 0;
    if (took > 0) tries = 0;
    else await new Promise((resolve) => setImmediate(resolve));
  }
  first.write(Buffer.from('AT+QLA'));
  rmSync(home.path('port'));
  symlinkSync(next.path, home.path('port'));
  read();
  await first.close();
  next.write('AT\r');
  assert.equal(await next.until(FINAL), 'AT\r\r\nOK\r\n');
});

test('nobody reads its complaints: it does not wait for that', limits, async (t) => {
  const home = new AgentHome(vectorRoots(), ['LTE4-00A1B2C3D4E5'], '490154203237518');
  home.configure(home.lines.map((line) => (line.startsWith('at =') ? `at = ${home.path('port')}` : line)));
  const stderr = fullPipe(home.path('stderr'));
  const [file, ...first] = program;
  const latchd = spawn(file, [...first, '-c', home.configuration], { stdio: ['ignore', 'ignore', stderr] });
  const host = await LineEnd.open();
  t.after(async () => {
    latchd.kill('SIGKILL');
    await once(latchd, 'close');
    closeSync(stderr);
    await host.close();
    home.remove();
  });
  host.write('AT+QLATCH?\r');
  // It complains that there is no port, and looks for it again.
  await new Promise((resolve) => setTimeout(resolve, 500));
  symlinkSync(host.path, home.path('port'));
  assert.match(await host.until(FINAL), /"unprovisioned"/);
});

/** @returns the writing end of a pipe that takes nothing more; its writer waits, unless it wants not to */
function fullPipe(path: string): number {
  spawnSync('mkfifo', [path]);
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(both, Buffer.alloc(4096));
  } catch {
    return openSync(path, constants.O_WRONLY);
  }
}

test('what only looks like a back door passes', limits, async (t) => {
  const { host, modem } = await between(t);
  const lines = [
    'AT+QCFG="nwscanmode"',
    'AT+CMGS="QADBKEY"',
    'AT+QLINUX?',
    'AT+QCFG="usbnet",1',
    'ATS0=0',
    'AT+S5=1',
    'ATS50=1',
  ];
  for (const line of lines) {
    host.write(`${line}\r`);
    assert.equal(await host.until(FINAL), '\r\nOK\r\n');
  }
  assert.deepEqual(modem.lines, lines);
  host.write('AT+QADX\b\b\b\bCOPS?\r');
  await host.until(FINAL);
  assert.equal(modem.lines.at(-1), 'AT+COPS?');
});

/** The lines that a modem, which passes over spaces and case, would take for `command`. */
function reached({ lines }: Modem, command: string): string[] {
  const plain = (text: string) => text.replaceAll(' ', '').toUpperCase();
  return lines.filter((line) => plain(line).includes(`+${plain(command)}`));
}
