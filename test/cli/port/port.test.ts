import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { PortError, type PortFault } from '../../../cli/port/fault.ts';
import { openPort, usePort } from '../../../cli/port/open.ts';
import type { Port } from '../../../cli/port/port.ts';
import type { Timers } from '../../../cli/port/timers.ts';
import { Pty } from './pty.ts';

function pair(t: TestContext): Pty {
  const pty = new Pty();
  t.after(() => pty.vanish());
  return pty;
}

/** Everything that arrives on a port. */
class Ear {
  text = '';
  readonly closed: Promise<PortError | undefined>;
  #wake = () => {};

  constructor(port: Port) {
    this.closed = new Promise((resolve) => {
      port.listen({
        data: (bytes) => {
          this.text += Buffer.from(bytes).toString('latin1');
          this.#wake();
        },
        closed: resolve,
      });
    });
  }

  async until(length: number): Promise<string> {
    while (this.text.length < length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.text;
  }
}

async function heard(device: NodeJS.ReadableStream, length: number): Promise<string> {
  let text = '';
  while (text.length < length) {
    const [bytes]: unknown[] = await once(device, 'data');
    text += (bytes as Buffer).toString('latin1');
  }
  return text;
}

function is(code: PortFault, next: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PortError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.next ?? '', next);
    return true;
  };
}

/** A process that holds a port open by the same code, until it is killed. */
async function holder(t: TestContext, path: string): Promise<ChildProcess> {
  const url = JSON.stringify(new URL('../../../cli/port/open.js', import.meta.url).href);
  // The pair's descriptors are not marked to be closed: the child would have the module's end too.
  const leave = `const fs = require('node:fs'); for (const fd of fs.readdirSync('/proc/self/fd')) {
    try { if (fs.readlinkSync('/proc/self/fd/' + fd) === '/dev/ptmx') fs.closeSync(Number(fd)); } catch {} }`;
  const script = `${leave} import(${url}).then(({openPort}) => openPort(${JSON.stringify(path)})).then((port) => {
    port.listen({ data() {}, closed() {} }); console.log('open'); })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

test('a serial line passes every byte, both ways', async (t) => {
  const pty = pair(t);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, code) => code));
  await usePort(pty.path, {}, async (port) => {
    const ear = new Ear(port);
    const arrived = heard(pty.device, 256);
    await port.write(bytes);
    assert.equal(await arrived, bytes.toString('latin1'));
    pty.say(bytes.toString('latin1'));
    assert.equal(await ear.until(256), bytes.toString('latin1'));
  });
});

test('a port in use names who uses it, and is free again when that process is killed', async (t) => {
  const pty = pair(t);
  const child = await holder(t, pty.path);
  await assert.rejects(openPort(pty.path), (error: unknown) => {
    assert.ok(error instanceof PortError);
    assert.match(error.message, new RegExp(`is in use by .*node \\(process ${child.pid}\\)`));
    return is('port-busy', /End it/)(error);
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await usePort(pty.path, {}, async () => {});
});

test('a port is free again whatever the work did', async (t) => {
  const pty = pair(t);
  for (let round = 0; round < 3; round++) {
    await assert.rejects(
      usePort(pty.path, {}, async () => {
        throw new TypeError('work failed');
      }),
      /work failed/,
    );
  }
  const stop = new AbortController();
  const work = usePort(pty.path, { signal: stop.signal }, async (port) => {
    const ear = new Ear(port);
    stop.abort(new Error('SIGINT'));
    throw (await ear.closed) ?? new Error('the port was closed');
  });
  await assert.rejects(work, /SIGINT/);
  await assert.rejects(openPort(pty.path, { signal: stop.signal }), /SIGINT/);
  const early = new AbortController();
  const opening = openPort(pty.path, { signal: early.signal });
  early.abort(new Error('SIGTERM'));
  await assert.rejects(opening, /SIGTERM/);
  await usePort(pty.path, {}, async (port) => {
    await port.close();
    await port.close();
  });
});

test('a device that disappears closes the port, also right behind its last bytes', async (t) => {
  for (const last of ['', 'OK\r\n']) {
    const pty = pair(t);
    const port = await openPort(pty.path);
    const closed = new Promise<PortError | undefined>((resolve) => {
      port.listen({
        // Hung up between two reads: read(2) gives 0 bytes from then on.
        data: () => pty.vanish(),
        closed: resolve,
      });
    });
    if (last === '') await pty.vanish();
    else pty.say(last);
    assert.equal((await closed)?.code, 'port-gone');
    await assert.rejects(port.write(Buffer.from('AT\r')), is('port-gone', /cable/));
    await port.close();
  }
});

test('a line that takes nothing more holds the writer back, and close ends the wait', async (t) => {
  const pty = pair(t);
  pty.device.pause();
  const port = await openPort(pty.path);
  const ear = new Ear(port);
  const refused = assert.rejects(port.write(Buffer.alloc(1_000_000)), is('port-gone', /./));
  pty.say('still heard');
  assert.equal(await ear.until(11), 'still heard');
  await port.close();
  await refused;
  assert.equal(await ear.closed, undefined);
});

test('a writer that waits goes on when the line does, although a reader began to wait after it', async (t) => {
  const pty = pair(t);
  pty.device.pause();
  await usePort(pty.path, {}, async (port) => {
    const ear = new Ear(port);
    const bytes = Buffer.alloc(200_000, 'x');
    const written = port.write(bytes);
    for (const length of [1, 2, 3]) {
      pty.say('y');
      await ear.until(length);
    }
    const arrived = heard(pty.device, bytes.length);
    pty.device.resume();
    await written;
    assert.equal((await arrived).length, bytes.length);
  });
});

test('a slow listener holds the line back', async (t) => {
  const pty = pair(t);
  await usePort(pty.path, {}, async (port) => {
    let calls = 0;
    const first = new Promise<void>((resolve) => {
      port.listen({
        data() {
          calls++;
          resolve();
          return new Promise(() => {});
        },
        closed() {},
      });
    });
    pty.say('one');
    await first;
    pty.say('two');
    for (let turn = 0; turn < 5; turn++) {
      // To the device and back: a read that had begun would have come to its end meanwhile.
      const arrived = heard(pty.device, 1);
      await port.write(Buffer.from('x'));
      await arrived;
    }
    assert.equal(calls, 1);
  });
});

test('what does not name a port is refused with how to write one', async () => {
  for (const name of [
    'ttyUSB2',
    '',
    'tcp://host',
    'tcp://host:0',
    'tcp://host:70000',
    'tcp://h:1/x',
    'x\x1b[2J',
  ]) {
    await assert.rejects(openPort(name), (error: PortError) => {
      assert.ok(!error.message.includes('\x1b'));
      return is('port-name', name === 'ttyUSB2' ? /Did you mean \/dev\/ttyUSB2/ : /tcp:\/\/host:port/)(error);
    });
  }
  await assert.rejects(openPort('/etc/passwd'), is('port-name', /latchkey ports/));
});

test('a port that is not there is missing, with those that are', async () => {
  await assert.rejects(openPort('/dev/ttyUSB99'), is('port-missing', /cable|There are/));
  await assert.rejects(openPort('ports/at'), is('port-missing', /cable|There are/));
  await assert.rejects(openPort('COM5'), is('port-missing', /cable|There are/));
});

async function listener(t: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `tcp://127.0.0.1:${address.port}`;
}

test('tcp passes every byte, both ways', async (t) => {
  const name = await listener(t, (socket) => socket.pipe(socket));
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, code) => code));
  await usePort(name, {}, async (port) => {
    const ear = new Ear(port);
    await port.write(bytes);
    assert.equal(await ear.until(256), bytes.toString('latin1'));
    assert.equal(await port.hint(), undefined);
    await port.close();
    assert.equal(await ear.closed, undefined);
    await port.close();
  });
});

test('tcp where nothing listens is refused; a host that does not exist is unknown', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  await assert.rejects(
    openPort(`tcp://127.0.0.1:${address.port}`),
    is('port-unreachable', /Nothing listens/),
  );
  await assert.rejects(openPort('tcp://no-such-host.invalid:7'), is('port-unreachable', /name|host/));
});

test('tcp that nobody answers in time is a timeout', async (t) => {
  const name = await listener(t, () => {});
  const limits: number[] = [];
  const impatient: Timers = {
    after(ms, run) {
      limits.push(ms);
      run();
      return () => {};
    },
  };
  await assert.rejects(openPort(name, { timers: impatient }), is('port-timeout', /firewall/));
  assert.deepEqual(limits, [10_000]);
});

test('tcp that closes, with or without an error, is gone', async (t) => {
  for (const end of ['end', 'reset'] as const) {
    const name = await listener(t, (socket) =>
      socket.once('data', () => (end === 'end' ? socket.end() : socket.resetAndDestroy())),
    );
    await usePort(name, {}, async (port) => {
      const ear = new Ear(port);
      await port.write(Buffer.from('AT\r'));
      assert.equal((await ear.closed)?.code, 'port-gone');
      await assert.rejects(port.write(Buffer.from('AT\r')), is('port-gone', /console server/));
    });
  }
});
