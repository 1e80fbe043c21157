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

/** A cable between the station and a module's tcp port. It is pulled when a command that fits goes by. */
export interface Cable {
  readonly port: string;
  /** Pulled at the first command that fits, before or after the module has it; undefined puts it in again. */
  cut: { readonly at: RegExp; readonly heard: boolean } | undefined;
  close(): Promise<void>;
}

/** @param far `tcp://host:port` of the module */
export async function cable(far: string): Promise<Cable> {
  const { hostname, port } = new URL(far);
  const sockets = new Set<Socket>();
  const self: Cable = { port: '', cut: undefined, close: async () => {} };
  const server = createServer((near) => {
    const module = connect(Number(port), hostname);
    for (const socket of [near, module]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    near.on('close', () => module.destroy());
    module.on('data', (bytes) => near.write(bytes));
    near.on('data', (bytes) => {
      const { cut } = self;
      if (cut?.at.test(bytes.toString('latin1')) !== true) {
        module.write(bytes);
        return;
      }
      if (cut.heard) module.write(bytes, () => setImmediate(() => near.destroy()));
      else near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(self, {
    port: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  });
}
