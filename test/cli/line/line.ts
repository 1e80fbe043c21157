import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Ran } from '../laptop.ts';

/** One record of `latchkey provision --json`. */
export interface Made {
  readonly slot: string;
  readonly port: string;
  readonly hwid?: string;
  readonly imei?: string;
  readonly status: 'confirmed' | 'journaled' | 'looked' | 'failed';
  readonly already: boolean;
  readonly would?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly next: string };
}

export interface Summary {
  readonly confirmed: number;
  readonly journaled: number;
  readonly failed: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** What a jig printed with --json: a record a module, and last the summary. */
export function read({ stdout }: Ran): { made: Made[]; summary: Summary } {
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { summary } = lines.pop() ?? {};
  return { made: lines, summary };
}

/** A valid IMEI for each number. */
export function imeiOf(place: number): string {
  const body = String(49015420323000 + place);
  const sum = [...body].reduce((total, digit, at) => {
    const doubled = Number(digit) * (at % 2 === 1 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

/** A cable between the station and a module's tcp port. */
export interface Cable {
  readonly port: string;
  /** It is pulled when a command that fits goes by, before or after the module has heard it. */
  cut: { readonly at: RegExp; readonly heard: boolean } | undefined;
  /** What becomes on the way of what the module says. */
  mangle: (said: string) => string;
  /** The module is out; resolves once somebody has looked, and found it so. */
  out(): Promise<void>;
  /** It is in again. */
  in(): void;
  close(): Promise<void>;
}

/** @param far `tcp://host:port` of the module */
export async function cable(far: string): Promise<Cable> {
  const { hostname, port } = new URL(far);
  const sockets = new Set<Socket>();
  let missed: (() => void) | undefined;
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    if (missed !== undefined) {
      near.destroy();
      missed();
      return;
    }
    const module = connect(Number(port), hostname);
    for (const socket of [near, module]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    near.on('close', () => module.destroy());
    module.on('data', (bytes) => near.write(self.mangle(bytes.toString('latin1')), 'latin1'));
    near.on('data', (bytes) => {
      const { cut } = self;
      const pulled = cut?.at.test(bytes.toString('latin1')) === true;
      if (!pulled || cut.heard) module.write(bytes, () => pulled && setImmediate(() => near.destroy()));
      else near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const self: Cable = {
    port: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: undefined,
    mangle: (said) => said,
    out: () =>
      new Promise((resolve) => {
        missed = resolve;
        hangUp();
      }),
    in() {
      missed = undefined;
    },
    async close() {
      hangUp();
      await once(server.close(), 'close');
    },
  };
  return self;
}
