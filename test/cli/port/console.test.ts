import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ReadStream, WriteStream } from 'node:tty';
import { attachConsole } from '../../../cli/port/console.ts';
import { PortError } from '../../../cli/port/fault.ts';
import { openPort } from '../../../cli/port/open.ts';
import type { Port } from '../../../cli/port/port.ts';
import { Pty } from './pty.ts';
import { ScriptedPort, VirtualTimers } from './world.ts';

const LEAVE = '\x1d';

function pair(t: TestContext): Pty {
  const pty = new Pty();
  t.after(() => pty.vanish());
  return pty;
}

/** A module's console, opened, and the terminal of a person in front of it. */
async function desk(t: TestContext) {
  const module = pair(t);
  const person = pair(t);
  const port = await openPort(module.path);
  t.after(() => port.close());
  // As process.stdin, it knows its descriptor.
  const fd = openSync(person.path, constants.O_RDWR | constants.O_NOCTTY);
  const input = Object.assign(new ReadStream(fd), { fd });
  const output = new WriteStream(openSync(person.path, constants.O_RDWR | constants.O_NOCTTY));
  t.after(() => {
    input.destroy();
    output.destroy();
  });
  return { module, person, port, terminal: { input, output } };
}

function modes(path: string): string {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  try {
    return spawnSync('stty', ['-g'], { stdio: [fd, 'pipe', 'inherit'] }).stdout.toString();
  } finally {
    closeSync(fd);
  }
}

/** Waits until `end` has said `text`. */
async function says(end: Pty, text: string): Promise<void> {
  let heard = '';
  while (!heard.includes(text)) {
    const [bytes]: unknown[] = await once(end.device, 'data');
    heard += (bytes as Buffer).toString('latin1');
  }
}

test('keys and bytes pass raw both ways; Ctrl-] leaves and the terminal is as it was', async (t) => {
  const { module, person, port, terminal } = await desk(t);
  const before = modes(person.path);
  const attached = attachConsole(port, terminal);
  assert.notEqual(modes(person.path), before, 'raw while attached');
  const typed = says(module, 'root\r\x03\x04\x7f');
  person.say('root\r\x03\x04\x7f');
  await typed;
  const shown = says(person, '\x1b[31mred\x00\xff\r\n');
  module.say('\x1b[31mred\x00\xff\r\n');
  await shown;
  const last = says(module, 'exit\r');
  const restored = says(person, '\x1b[?1049l');
  person.say(`exit\r${LEAVE}never`);
  assert.equal(await attached, 'left');
  await last;
  await restored;
  assert.equal(modes(person.path), before);
});

test('a module that disappears ends it, and the terminal is as it was', async (t) => {
  const { module, person, port, terminal } = await desk(t);
  const before = modes(person.path);
  const attached = attachConsole(port, terminal);
  const restored = says(person, '\x1b[?1049l');
  await module.vanish();
  await assert.rejects(
    attached,
    (error: unknown) => error instanceof PortError && error.code === 'port-gone',
  );
  await restored;
  assert.equal(modes(person.path), before);
});

test('a port closed meanwhile, as by SIGINT, ends it', async (t) => {
  const { person, port, terminal } = await desk(t);
  const before = modes(person.path);
  const refused = assert.rejects(attachConsole(port, terminal), /was closed/);
  await port.close();
  await refused;
  assert.equal(modes(person.path), before);
});

/** A port that takes nothing. */
function stuckPort() {
  const offered: Uint8Array[] = [];
  const port: Port = {
    name: '/dev/ttyTEST',
    listen() {},
    write(bytes) {
      offered.push(bytes);
      return new Promise(() => {});
    },
    close: async () => {},
    hint: async () => undefined,
  };
  return { port, offered: () => Buffer.concat(offered).length };
}

test('Ctrl-] leaves a port that takes nothing; of what was typed 64 KiB are kept for it', async () => {
  const timers = new VirtualTimers();
  const { port, offered } = stuckPort();
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const attached = attachConsole(port, { input, output: new PassThrough() }, { timers });
  for (let round = 0; round < 10; round++) input.write(Buffer.alloc(16_384, 'x'));
  input.write(LEAVE);
  assert.equal(await timers.finish(attached), 'left');
  assert.equal(offered(), 65_536);
});

test('a pipe waits for a port that takes nothing', async () => {
  const { port, offered } = stuckPort();
  const input = new PassThrough();
  void attachConsole(port, { input, output: new PassThrough() }, { timers: new VirtualTimers() });
  for (let round = 0; round < 3; round++) input.write(Buffer.alloc(1000));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(offered(), 1000);
  assert.ok(input.isPaused());
});

function piped(respond: (line: string, port: ScriptedPort) => void) {
  const timers = new VirtualTimers();
  const port = new ScriptedPort(respond);
  const input = new PassThrough();
  const output = new PassThrough();
  const attached = attachConsole(port, { input, output }, { timers, quiet: 500 });
  return { timers, port, input, output, attached };
}

test('a pipe ends once the module has been quiet for a while after its last byte', async () => {
  const { timers, port, input, output, attached } = piped((line, end) => {
    for (const delay of [400, 800, 1200]) timers.after(delay, () => end.arrive(`${line} ${delay}\n`));
    timers.after(1800, () => end.arrive('too late'));
  });
  input.end(`uname -a\r${LEAVE}`);
  assert.equal(await timers.finish(attached), 'ended');
  assert.equal(timers.now, 1700);
  assert.equal(output.read().toString(), 'uname -a 400\nuname -a 800\nuname -a 1200\n');
  assert.deepEqual(port.written, ['uname -a'], 'Ctrl-] is a byte like any other in a pipe');
  port.arrive('nobody is there any more');
  assert.equal(output.read(), null);
});

test('an empty pipe ends too', async () => {
  const { timers, input, attached } = piped(() => {});
  input.end();
  assert.equal(await timers.finish(attached), 'ended');
});

test('an output that goes away ends it with its error', async () => {
  const { timers, port, output, attached } = piped(() => {});
  output.destroy(new Error('EPIPE'));
  await assert.rejects(timers.finish(attached), /EPIPE/);
  await port.close();
});

test('an input that fails ends it with its error', async () => {
  const { timers, input, attached } = piped(() => {});
  input.destroy(new Error('EIO'));
  await assert.rejects(timers.finish(attached), /EIO/);
});

test('a port that goes away while a pipe writes to it ends it with port-gone', async () => {
  const { timers, port, input, attached } = piped(() => {});
  const gone = new PortError('port-gone', 'gone.');
  input.write('x');
  port.vanish(gone);
  await assert.rejects(timers.finish(attached), gone);
});

test('a slow output holds the port back, and one that dies meanwhile does not hang it', async (t) => {
  const module = pair(t);
  const port = await openPort(module.path);
  t.after(() => port.close());
  let release = () => {};
  let written = 0;
  const output = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _, done) {
      written += chunk.length;
      release = () => done(new Error('EPIPE'));
    },
  });
  const attached = attachConsole(port, { input: new PassThrough(), output });
  module.say('x');
  while (written === 0) await new Promise((resolve) => setImmediate(resolve));
  module.say('yyyy');
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(written, 1);
  release();
  await assert.rejects(attached, /EPIPE/);
});
