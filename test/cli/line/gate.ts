import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { listen } from '../../fixture/listen.ts';
import type { TestServer } from '../../fixture/server.ts';
import type { Laptop } from '../laptop.ts';

/** The way to the server, which a test breaks and mends. */
export interface Gate {
  /** The laptop's home takes this way from now on. */
  lead(laptop: Laptop): void;
  /** Connections break, and new ones are refused. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Shut in the next call of an operation: before the server acts, or before it has answered. */
  shutIn(operation: string, when: 'before' | 'after'): void;
}

export async function gate(server: TestServer): Promise<Gate> {
  const { port } = server.running.api;
  const sockets = new Set<Socket>();
  const pass = (near: Socket) => {
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  };
  const listening = createServer(pass);
  const own = await listen(listening);
  const self: Gate = {
    lead({ dir }) {
      const file = join(dir, 'profile.json');
      const profile = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...profile, server: `https://127.0.0.1:${own}` }));
    },
    async shut() {
      const closed = listening.listening && once(listening.close(), 'close');
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async open() {
      if (!listening.listening) await listen(listening, own);
    },
    shutIn: (operation, when) =>
      inNext(server, operation, async (handled) => {
        if (when === 'after') await handled();
        await self.shut();
        if (when === 'before') throw new Error('nobody hears the answer');
      }),
  };
  return self;
}

/**
 * Has `act` go on in the next call of an operation, which answers once it is done.
 * @param act is given what lets the server act on the request, if that is to be before
 */
export function inNext(
  server: TestServer,
  id: string,
  act: (handled: () => Promise<unknown>) => Promise<void>,
): void {
  const operation = server.operations.find((one) => one.id === id);
  if (operation === undefined) throw new Error(`no operation ${id}`);
  const { handle } = operation;
  const once: typeof handle = async (request, services) => {
    Object.assign(operation, { handle });
    let handled: ReturnType<typeof handle> | undefined;
    const begin = () => {
      handled ??= handle(request, services);
      return handled;
    };
    await act(begin);
    return begin();
  };
  Object.assign(operation, { handle: once });
}
