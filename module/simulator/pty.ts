import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { native } from 'node-pty';
import { type OpenPort, takeInTurn } from './wire.ts';

declare module 'node-pty' {
  /**
   * openpty(3), which node-pty exports but does not declare. Its own `open()` would read the far side's
   * bytes away from whoever opens that, and leave a descriptor behind.
   */
  const native: { open(columns: number, rows: number): { master: number; slave: number; pty: string } };
}

/**
 * A pseudo-terminal in raw mode: bytes pass as they are, as on a serial port. The near side stays with
 * us; the far side is held open too, so that the host may come and go, and never read.
 */
export const openPty: OpenPort = async (receive) => {
  const { master, slave, pty: path } = native.open(80, 24);
  makeRaw(path);
  const input = new ReadStream(master);
  takeInTurn(input, receive);
  return {
    path,
    write: (bytes) => unlessFull(() => writeSync(master, bytes)) ?? 0,
    discard() {
      const away = Buffer.alloc(4096);
      while ((unlessFull(() => readSync(slave, away)) ?? 0) > 0);
    },
    async close() {
      await once(input.destroy(), 'close');
      closeSync(slave);
    },
  };
};

/** cfmakeraw(3): no echo, no translation of line ends, no signals. stty works on its standard input. */
function makeRaw(path: string): void {
  const far = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const { status, error } = spawnSync('stty', ['raw', '-echo'], { stdio: [far, 'ignore', 'ignore'] });
    if (status !== 0) throw new Error(`stty could not make ${path} raw`, { cause: error });
  } finally {
    closeSync(far);
  }
}

/** @returns undefined where the descriptor would block: the port is full, or empty */
function unlessFull(act: () => number): number | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
    throw error;
  }
}
