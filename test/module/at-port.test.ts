import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AtPort } from '../../module/simulator/at-port.ts';
import { Refusal } from '../../module/simulator/refusal.ts';
import { type Command, formatCommand } from '../../protocol/at/command.ts';

/** A port whose module keeps what it is told; `unlock` it refuses. */
function makePort() {
  const heard: Command[] = [];
  let output = '';
  const behind = {
    firmware: 'test 1',
    async execute(command: Command) {
      heard.push(command);
      if (command.verb === 'unlock') throw new Refusal(904);
      return command.verb === 'keys' ? [{ kind: 'keys', ver: 7 } as const] : [];
    },
  };
  const port = new AtPort(behind, (text) => {
    output += text;
  });
  return {
    port,
    heard,
    async say(bytes: string) {
      output = '';
      await port.receive(Buffer.from(bytes, 'latin1'));
      return output;
    },
  };
}

test('results are words between CR LF, after the echo (V.250 §6.2.4, §6.2.6)', async () => {
  const { say } = makePort();
  assert.equal(await say('AT\r'), 'AT\r\r\nOK\r\n');
  assert.equal(await say('AT+QLATCH="keys"\r'), 'AT+QLATCH="keys"\r\r\n+QLATCH: "keys",7\r\n\r\nOK\r\n');
  assert.equal(await say('AT+QLATCH="unlock"\r'), 'AT+QLATCH="unlock"\r\r\n+CME ERROR: 904\r\n');
});

test('ATE0 ends the echo, ATE1 brings it back (V.250 §6.2.4)', async () => {
  const { say } = makePort();
  assert.equal(await say('ATE0\r'), 'ATE0\r\r\nOK\r\n');
  assert.equal(await say('AT\r'), '\r\nOK\r\n');
  assert.equal(await say('ATE1\r'), '\r\nOK\r\n');
  assert.equal(await say('AT\r'), 'AT\r\r\nOK\r\n');
});

test('ATI names the maker and the firmware', async () => {
  const { say } = makePort();
  await say('ATE0\r');
  assert.equal(await say('ATI\r'), '\r\nLatchkey\r\n\r\ntest 1\r\n\r\nOK\r\n');
});

test('CR and LF in every mixture, in pieces of any size, give the same commands (section 5)', async () => {
  const command = fc.constantFrom<Command>(
    { verb: 'keys' },
    { verb: 'unlock' },
    { verb: 'data', offset: 7, piece: 'a b' },
  );
  const ends = fc.constantFrom('\r', '\n', '\r\n', '\n\r', '\r\r\n', '\n\n');
  const sent = fc.array(fc.tuple(command, ends), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      sent,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (lines, sizes) => {
        const { port, heard } = makePort();
        let rest = Buffer.from(lines.map(([one, end]) => formatCommand(one) + end).join(''));
        for (let index = 0; rest.length > 0; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          await port.receive(rest.subarray(0, size));
          rest = rest.subarray(size);
        }
        assert.deepEqual(
          heard,
          lines.map(([one]) => one),
        );
      },
    ),
  );
});

test('a backspace takes back a character (V.250 §5.2.2)', async () => {
  const { say, heard } = makePort();
  await say('AT+QLATCH="lock\b\b\b\bkeys"\r');
  assert.deepEqual(heard, [{ verb: 'keys' }]);
});

test('a line over 400 characters is one ERROR, however long, and the next is heard (section 5)', async () => {
  const { say, heard } = makePort();
  await say('ATE0\r');
  assert.equal(await say(`AT+QLATCH="keys"${' '.repeat(100_000)}\r`), '\r\nERROR\r\n');
  assert.equal(
    await say(`AT${'\x00'.repeat(500)}\rAT+QLATCH="keys"\r`),
    '\r\nERROR\r\n\r\n+QLATCH: "keys",7\r\n\r\nOK\r\n',
  );
  assert.equal(heard.length, 1);
});

test('whatever bytes come in, what goes out is lines of a module, and no command is made up', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 600 }), async (bytes) => {
      const { port, say, heard } = makePort();
      await say('ATE0\r');
      const noise = bytes.filter((byte) => byte !== 0x2b);
      await port.receive(noise);
      assert.deepEqual(heard, []);
      const last = await say('\rATE0\rAT\r');
      assert.ok(last.endsWith('\r\nOK\r\n'));
    }),
  );
});

test('an unsolicited line stands by itself (section 5)', () => {
  let output = '';
  const port = new AtPort({ firmware: '', execute: async () => [] }, (text) => {
    output += text;
  });
  port.indicate({ kind: 'indication', event: 'locked', why: 'timeout' });
  assert.equal(output, '\r\n+QLATCHIND: "locked","timeout"\r\n');
});
