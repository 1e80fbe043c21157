import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { AtClient } from '../../../cli/port/at-client.ts';
import { PortError } from '../../../cli/port/fault.ts';
import { usePort } from '../../../cli/port/open.ts';
import { systemTimers, type Timers } from '../../../cli/port/timers.ts';
import { behaviour } from './hostile.ts';
import { Pty } from './pty.ts';

const FASTER = 200;
const timers: Timers = { after: (ms, run) => systemTimers.after(ms / FASTER, run) };

interface Peer {
  hear(listener: (bytes: Buffer) => void): void;
  say(text: string): void;
}

type Script = typeof behaviour extends fc.Arbitrary<infer T> ? T : never;

/** Answers each line by the script, and goes away at the line `goneAt`. */
function misbehave(peer: Peer, script: Script, goneAt: number, vanish: () => void): void {
  let step = 0;
  let pending = '';
  peer.hear((bytes) => {
    const lines = (pending + bytes.toString('latin1')).split('\r');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (step === goneAt) vanish();
      for (const { delay, text } of script[step++ % script.length] ?? []) {
        timers.after(delay, () => peer.say(text.join('').replace('LINE', line)));
      }
    }
  });
}

/** One clear error, or an answer; never anything else, and never a control character. */
async function survive(name: string): Promise<void> {
  await usePort(name, {}, async (port) => {
    const client = new AtClient(port, { timers });
    for (const verb of ['state', 'lock', 'keys'] as const) {
      try {
        await client.execute({ verb }, 1000);
      } catch (error) {
        assert.ok(error instanceof PortError, String(error));
        assert.match(`${error.message}${error.next ?? ''}`, /^[\x20-\x7e…“”’]*$/);
      }
    }
  });
}

const cases = [behaviour, fc.option(fc.nat(12), { nil: -1 })] as const;

test('a hostile peer on a tcp socket: an answer or one clear error, and the connection is closed', async () => {
  await fc.assert(
    fc.asyncProperty(...cases, async (script, goneAt) => {
      let closed: Promise<unknown> | undefined;
      const server = createServer((socket) => {
        closed = once(socket, 'close').catch(() => {});
        socket.on('error', () => {});
        const peer: Peer = {
          hear: (listener) => socket.on('data', listener),
          say: (text) => socket.write(Buffer.from(text, 'latin1')),
        };
        misbehave(peer, script, goneAt, () => socket.destroy());
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object');
      await survive(`tcp://127.0.0.1:${address.port}`);
      await closed;
      server.close();
    }),
    { numRuns: 60 },
  );
});

test('a hostile peer on a pty: an answer or one clear error, and the port is free again', async () => {
  await fc.assert(
    fc.asyncProperty(...cases, async (script, goneAt) => {
      const pty = new Pty();
      let gone = false;
      const peer: Peer = {
        hear: (listener) => pty.device.on('data', listener),
        say: (text) => pty.say(text),
      };
      misbehave(peer, script, goneAt, () => {
        gone = true;
        void pty.vanish();
      });
      await survive(pty.path);
      if (!gone) await usePort(pty.path, {}, async () => {});
      await pty.vanish();
    }),
    { numRuns: 60 },
  );
});
