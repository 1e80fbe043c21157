import { openPty } from '../module/simulator/pty.ts';
import { Wire } from '../module/simulator/wire.ts';

/** A null-modem cable: what is written at one end is read at the other. Each end is a pseudo-terminal. */
export interface Cable {
  /** Path of the end that the engineer's laptop has. */
  readonly laptop: string;
  /** Path of the end that the module has. */
  readonly module: string;
  close(): Promise<void>;
}

export async function openCable(): Promise<Cable> {
  const module: Wire = await Wire.open(openPty, undefined, (bytes) => laptop.write(latin1(bytes)));
  const laptop: Wire = await Wire.open(openPty, undefined, (bytes) => module.write(latin1(bytes)));
  return {
    laptop: laptop.path,
    module: module.path,
    async close() {
      await Promise.all([module.close(), laptop.close()]);
    },
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
