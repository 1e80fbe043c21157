import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type OpenPort, takeInTurn } from './wire.ts';

/**
 * A raw tcp socket on 127.0.0.1, as ser2net gives with `kickolduser`: one host at a time, the newest.
 * @param port 0 for any free one
 */
export function openTcp(port: number): OpenPort {
  return async (receive) => {
    let host: Socket | undefined;
    const server = createServer((socket) => {
      host?.destroy();
      host = socket.setNoDelay();
      // A host that disappears is no fault of the module's.
      socket.on('error', () => socket.destroy());
      takeInTurn(socket, receive);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('not a tcp address');
    return {
      path: `tcp://127.0.0.1:${address.port}`,
      write(bytes) {
        if (host === undefined || host.destroyed) return bytes.length;
        if (host.writableNeedDrain) return 0;
        host.write(bytes);
        return bytes.length;
      },
      discard() {},
      async close() {
        host?.destroy();
        await once(server.close(), 'close');
      },
    };
  };
}
