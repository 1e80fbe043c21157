import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AtClient, type AtOptions } from '../../../cli/port/at-client.ts';
import { ModuleRefusal, PortError, type PortFault } from '../../../cli/port/fault.ts';
import { cmeErrors } from '../../../protocol/cme.ts';
import { behaviour } from './hostile.ts';
import { ScriptedPort, VirtualTimers } from './world.ts';

const STATE = '+QLATCH: "locked",0,"QC-0001-ABCD",3';
const locked = { kind: 'state', state: 'locked', remaining: 0, hwid: 'QC-0001-ABCD', manifest: 3 };

/** The answers of a module in good order. */
function answers(line: string): string[] {
  if (line === 'AT') return ['OK'];
  if (line === 'AT+QLATCH?') return [STATE, 'OK'];
  if (line.startsWith('AT+QLATCH="data"')) return ['OK'];
  return ['ERROR'];
}

function world(respond: (line: string, port: ScriptedPort) => void, options: AtOptions = {}) {
  const timers = new VirtualTimers();
  const port = new ScriptedPort(respond);
  const client = new AtClient(port, { timers, ...options });
  return { timers, port, client };
}

function send(port: ScriptedPort, lines: readonly string[]): void {
  port.arrive(lines.map((line) => `\r\n${line}\r\n`).join(''));
}

function fails(code: PortFault): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PortError, String(error));
    assert.equal(error.code, code);
    assert.match(`${error.message}${error.next ?? ''}`, /^[\n\x20-\x7e…“”’]*$/);
    return true;
  };
}

test('synchronise finds a module and returns its state', async () => {
  const { timers, port, client } = world((line, end) => send(end, answers(line)));
  assert.deepEqual(await timers.finish(client.synchronise()), locked);
  assert.deepEqual(port.written, ['AT', 'AT+QLATCH?']);
  assert.equal(timers.pending, 0);
});

test('an answer is read the same whatever the echo, the line ends, the chunks and the codes in between', async () => {
  const style = fc.record({
    echo: fc.constantFrom('', 'line\r', 'line\r\r\n', 'line', 'line\n'),
    end: fc.constantFrom('\r\n', '\r', '\n', '\n\r', '\r\r\n', '\r\n\r\n'),
    noise: fc.array(
      fc.constantFrom('+CREG: 1', 'RING', '+QIND: "csq",31,99', '+QLATCHIND: "locked","timeout"'),
      {
        maxLength: 3,
      },
    ),
    cuts: fc.array(fc.nat(200), { maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(style, async ({ echo, end, noise, cuts }) => {
      const { timers, client } = world((line, port) => {
        const lines = answers(line).flatMap((answer) => [...noise, answer]);
        const lead = echo === 'line' && noise.length > 0 ? end : '';
        const text = `${echo.replace('line', line)}${lead}${lines.map((one) => `${one}${end}`).join(end)}`;
        let from = 0;
        for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
          port.arrive(text.slice(from, cut));
          from = Math.max(from, cut);
        }
      });
      assert.deepEqual(await timers.finish(client.synchronise()), locked);
      assert.deepEqual(await timers.finish(client.execute({ verb: 'state' }, 1000)), [locked]);
    }),
    { numRuns: 300 },
  );
});

test('a module that says nothing is silent: what was sent, what was seen, and what may be the reason', async () => {
  const { timers, port, client } = world(() => {});
  port.hints = 'ModemManager (process 812) runs.';
  await assert.rejects(timers.finish(client.synchronise()), (error: PortError) => {
    assert.match(error.message, /gave no answer.*Sent “AT”, seen nothing\./);
    assert.equal(error.next, port.hints);
    return fails('module-silent')(error);
  });
  assert.ok(timers.now <= 5000, `took ${timers.now} ms`);
});

test('what was seen is escaped in an error, and messages are left out of it', async () => {
  const piece = 'x'.repeat(200);
  const { timers, client } = world((line, end) => {
    if (line.includes('data')) end.arrive(`${line}\x1b]0;owned\x07 ${'y'.repeat(50)} \x9b2J\u00e9\\`);
    else send(end, answers(line));
  });
  const work = client.execute({ verb: 'data', offset: 0, piece }, 1000);
  await assert.rejects(timers.finish(work), (error: PortError) => {
    assert.equal(error.details['sent'], 'AT+QLATCH="data",0,"…"');
    assert.equal(error.details['seen'], '(echo)\\x1b]0;owned\\x07 … \\x9b2J\\xe9\\\\');
    return fails('module-silent')(error);
  });
});

test('a console in place of an AT port is told apart', async () => {
  const { timers, client } = world((_, end) => end.arrive('\r\nquectel login: '));
  await assert.rejects(timers.finish(client.synchronise()), (error: PortError) => {
    assert.match(error.next ?? '', /looks like a console/);
    return fails('module-silent')(error);
  });
});

test('another speed is suggested where something came, but no line', async () => {
  const { timers, client } = world((_, end) => end.arrive('\xff\x00\x80'));
  await assert.rejects(timers.finish(client.synchronise()), (error: PortError) => {
    assert.match(error.next ?? '', /--baud/);
    return fails('module-silent')(error);
  });
});

for (const [code, meaning] of Object.entries(cmeErrors)) {
  test(`+CME ERROR: ${code} is refused with its meaning and a next step`, async () => {
    const { timers, client } = world((line, end) =>
      send(end, line.endsWith('"lock"') ? [`+CME ERROR: ${code}`] : answers(line)),
    );
    await assert.rejects(
      timers.finish(client.execute({ verb: 'lock' }, 1000)),
      (error: ModuleRefusal | PortError) => {
        assert.ok(error instanceof ModuleRefusal && error.cme === Number(code));
        assert.ok(error.message.includes(meaning) && (error.next?.length ?? 0) > 20);
        return fails('module-refused')(error);
      },
    );
  });
}

test('a number that is not of section 4 is refused as the AT stack’s', async () => {
  const { timers, client } = world((line, end) =>
    send(end, line.endsWith('"lock"') ? ['+CME ERROR: 30'] : answers(line)),
  );
  const work = client.execute({ verb: 'lock' }, 1000);
  await assert.rejects(timers.finish(work), (error: PortError) => {
    assert.match(error.message, /30, .*AT stack/);
    return fails('module-refused')(error);
  });
});

for (const answer of ['ERROR', '+CME ERROR: 100', '+CME ERROR: unknown command']) {
  test(`a modem that answers ${answer} to AT+QLATCH? is not a Latchkey module`, async () => {
    const { timers, client } = world((line, end) => send(end, line === 'AT' ? ['OK'] : [answer]));
    await assert.rejects(timers.finish(client.synchronise()), fails('not-a-latchkey-module'));
  });
}

test('a plain ERROR to a command is not-a-latchkey-module', async () => {
  const { timers, client } = world((line, end) => send(end, answers(line)));
  await assert.rejects(timers.finish(client.execute({ verb: 'lock' }, 1000)), fails('not-a-latchkey-module'));
});

test('what a program before left of a command costs one ERROR, not the connection', async () => {
  let first = true;
  const { timers, port, client } = world((line, end) => {
    send(end, first ? ['ERROR'] : answers(line));
    first = false;
  });
  assert.deepEqual(await timers.finish(client.synchronise()), locked);
  assert.deepEqual(port.written, ['AT', 'AT', 'AT+QLATCH?']);
});

test('answers still on their way from before the first command are not taken for its own', async () => {
  let first = true;
  const { timers, port, client } = world((line, end) => {
    if (first) send(end, ['+CME ERROR: 902', '+QLATCH: "open",7,"ANOTHER-0001",9', 'OK', 'ERROR', 'OK']);
    first = false;
    send(end, answers(line));
  });
  assert.deepEqual(await timers.finish(client.synchronise()), locked);
  assert.equal(port.written.at(-1), 'AT+QLATCH?');
  assert.deepEqual(await timers.finish(client.execute({ verb: 'state' }, 1000)), [locked]);
});

test('a modem that only ever answers ERROR is garbled, within 6 attempts', async () => {
  const { timers, port, client } = world((_, end) => send(end, ['ERROR']));
  await assert.rejects(timers.finish(client.synchronise()), fails('module-garbled'));
  assert.equal(port.written.length, 6);
});

test('an answer that comes after its time limit is not taken for the next command’s', async () => {
  for (const late of [['+QLATCH: "keys",9', 'OK'], ['+CME ERROR: 902'], ['OK'], ['ERROR'], [STATE, 'OK']]) {
    for (const delay of [1100, 1400, 1700, 2100, 3000]) {
      const { timers, client } = world((line, end) => {
        if (line.endsWith('"keys"')) timers.after(delay, () => send(end, late));
        // Commands are worked on in order: nothing is answered before the late one is.
        else timers.after(Math.max(0, delay + 20 - timers.now), () => send(end, answers(line)));
      });
      timers.now = 0;
      await timers.finish(client.synchronise());
      timers.now = 0;
      await assert.rejects(timers.finish(client.execute({ verb: 'keys' }, 1000)), fails('module-silent'));
      assert.deepEqual(await timers.finish(client.execute({ verb: 'state' }, 1000)), [locked]);
      assert.deepEqual(
        await timers.finish(client.execute({ verb: 'data', offset: 0, piece: 'a' }, 1000)),
        [],
      );
      assert.deepEqual(await timers.finish(client.execute({ verb: 'state' }, 1000)), [locked]);
    }
  }
});

test('an answer of another kind belongs to an earlier command, with the final line after it', async () => {
  const { timers, client } = world((line, end) =>
    send(
      end,
      line === 'AT+QLATCH?' ? ['+QLATCH: "keys",9', '+CME ERROR: 902', ...answers(line)] : answers(line),
    ),
  );
  assert.deepEqual(await timers.finish(client.execute({ verb: 'state' }, 1000)), [locked]);
});

for (const [what, lines] of Object.entries({
  'no line': ['OK'],
  'a broken line': ['+QLATCH: "challenge","not one', 'OK'],
  'two lines': ['+QLATCH: "challenge","a.b.c"', '+QLATCH: "challenge","a.b.d"', 'OK'],
})) {
  test(`OK after ${what} where a challenge stands is garbled`, async () => {
    const { timers, client } = world((line, end) =>
      send(end, line.includes('challenge') ? lines : answers(line)),
    );
    const work = client.execute({ verb: 'challenge', scope: 'console', for: 900 }, 1000);
    await assert.rejects(timers.finish(work), fails('module-garbled'));
  });
}

test('a broken line among receipts makes the answer garbled; 32 are taken, 33 are not', async () => {
  let lines: string[] = [];
  const { timers, client } = world((line, end) =>
    send(end, line.includes('receipts') ? [...lines, 'OK'] : answers(line)),
  );
  const receipts = () => timers.finish(client.execute({ verb: 'receipts', after: 0 }, 1000));
  const some = (count: number) => Array.from({ length: count }, () => '+QLATCH: "receipt","a.b.c"');
  lines = some(32);
  assert.equal((await receipts()).length, 32);
  lines = some(33);
  await assert.rejects(receipts(), fails('module-garbled'));
  lines = [...some(1), '+QLATCH: "receipt","a.b', ...some(1)];
  await assert.rejects(receipts(), fails('module-garbled'));
  lines = [];
  assert.equal((await receipts()).length, 0);
});

test('a module whose state never comes whole is garbled within the limit', async () => {
  const { timers, client } = world((line, end) =>
    send(end, line === 'AT' ? ['OK'] : ['+QLATCH: "locked",0,"bad', 'OK']),
  );
  await assert.rejects(timers.finish(client.synchronise()), fails('module-garbled'));
});

test('a module that falls silent after its first OK is silent within the limit', async () => {
  const { timers, client } = world((line, end) => send(end, line === 'AT' ? ['OK'] : []));
  await assert.rejects(timers.finish(client.synchronise()), fails('module-silent'));
  assert.ok(timers.now <= 6 * 700 + 3 * 2000);
});

test('a port that goes away ends what is under way, and everything after it, at once', async () => {
  const gone = new PortError('port-gone', '/dev/ttyTEST went away.');
  const { timers, port, client } = world((line, end) => {
    if (line.includes('data')) end.vanish(gone);
    else send(end, answers(line));
  });
  const started = client.execute({ verb: 'data', offset: 0, piece: 'a' }, 1000);
  await assert.rejects(timers.finish(started), gone);
  const before = timers.now;
  await assert.rejects(timers.finish(client.execute({ verb: 'state' }, 1000)), gone);
  await assert.rejects(timers.finish(client.synchronise()), gone);
  assert.ok(timers.now - before <= 100);
  assert.equal(port.written.at(-1), 'AT+QLATCH="data",0,"a"');
});

test('a port closed on our side ends what is under way', async () => {
  const { timers, client } = world((line, end) => {
    if (line.includes('lock"')) void end.close();
    else send(end, answers(line));
  });
  await assert.rejects(timers.finish(client.execute({ verb: 'lock' }, 1000)), fails('port-gone'));
});

test('a port that was closed, or refuses to take bytes, is gone at once', async () => {
  const { timers, port, client } = world((line, end) => send(end, answers(line)));
  await timers.finish(client.synchronise());
  const gone = new PortError('port-gone', 'no more bytes.');
  port.refuses = gone;
  await assert.rejects(timers.finish(client.execute({ verb: 'state' }, 1000)), gone);
  port.refuses = undefined;
  await port.close();
  await assert.rejects(timers.finish(client.execute({ verb: 'state' }, 1000)), fails('port-gone'));
  assert.equal(timers.now, 0);
});

test('unsolicited codes reach the listener escaped, at most 64 for each command', async () => {
  const heard: string[] = [];
  const { timers, client } = world(
    (line, end) =>
      send(end, [
        ...Array.from({ length: 100 }, () => '+CREG: \x1b[2J'),
        '+QLATCHIND: "locked","timeout"',
        ...answers(line),
      ]),
    { unsolicited: (event) => heard.push(event.kind === 'other' ? event.text : event.why) },
  );
  await timers.finish(client.synchronise());
  assert.deepEqual(new Set(heard), new Set(['+CREG: \\x1b[2J']));
  assert.equal(heard.length, 128);
});

test('an indication inside an answer reaches the listener', async () => {
  const heard: unknown[] = [];
  const { timers, client } = world(
    (line, end) => send(end, ['+QLATCHIND: "locked","timeout"', ...answers(line)]),
    { unsolicited: (event) => heard.push(event) },
  );
  await timers.finish(client.synchronise());
  assert.deepEqual(heard[0], { kind: 'indication', event: 'locked', why: 'timeout' });
});

test('an indication while no command is under way reaches the listener, other answers do not', async () => {
  const heard: unknown[] = [];
  const { port } = world(() => {}, { unsolicited: (event) => heard.push(event) });
  send(port, ['+QLATCHIND: "locked","timeout"', 'OK', STATE]);
  assert.deepEqual(heard, [{ kind: 'indication', event: 'locked', why: 'timeout' }]);
});

test('the trace has every line with its direction, escaped', async () => {
  const trace: string[] = [];
  const { timers, client } = world(
    (line, end) => {
      end.arrive(`${line}\r\r\n`);
      send(end, line === 'AT' ? ['\x1b[2J', 'OK'] : answers(line));
    },
    { trace: (direction, line) => trace.push(`${direction} ${line}`) },
  );
  await timers.finish(client.synchronise());
  assert.deepEqual(trace, [
    'sent AT',
    'received AT',
    'received \\x1b[2J',
    'received OK',
    'sent AT+QLATCH?',
    'received AT+QLATCH?',
    `received ${STATE}`,
    'received OK',
  ]);
});

test('hostile bytes: always an answer or one clear error within the limit, never a raw control character', async () => {
  await fc.assert(
    fc.asyncProperty(behaviour, fc.option(fc.nat(30), { nil: -1 }), async (script, goneAt) => {
      let step = 0;
      const { timers, port, client } = world((line, end) => {
        if (step === goneAt) end.vanish(new PortError('port-gone', 'gone.'));
        for (const { delay, text } of script[step++ % script.length] ?? []) {
          timers.after(delay, () => port.arrive(text.join('').replace('LINE', line)));
        }
      });
      for (const verb of ['state', 'lock', 'receipts', 'keys'] as const) {
        const before = timers.now;
        const command = verb === 'receipts' ? { verb, after: 0 } : { verb };
        try {
          await timers.finish(client.execute(command, 1000));
        } catch (error) {
          assert.ok(error instanceof PortError, String(error));
          fails(error.code)(error);
        }
        assert.ok(timers.now - before <= 6 * 700 + 3 * 2000 + 1000, `${verb}: ${timers.now - before} ms`);
      }
    }),
    { numRuns: 500 },
  );
});

test('a flood without an end, over 600 MB of it, is bounded in time and memory', async () => {
  const { timers, client } = world((_, end) => {
    const more = () => {
      end.arrive('A'.repeat(65_536));
      timers.after(1, more);
    };
    more();
  });
  const before = process.memoryUsage().heapUsed;
  await assert.rejects(timers.finish(client.synchronise()), fails('module-silent'));
  assert.ok(process.memoryUsage().heapUsed - before < 200 * 2 ** 20);
});
