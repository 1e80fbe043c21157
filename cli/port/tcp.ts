import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PortError } from './fault.ts';
import type { Port, PortListener } from './port.ts';
import type { Timers } from './timers.ts';

const KEEP_ALIVE_MS = 10_000;

/** What to do about the errors of connect(2) and getaddrinfo(3). */
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: check the port number, and that ser2net or the console server runs.',
  ENOTFOUND: 'No such host: check its name, or write its address.',
  EAI_AGAIN: 'The name could not be looked up: check this machine’s network, or write the address.',
  EHOSTUNREACH: 'No route to that host: check the network, a VPN, the host’s power.',
  ENETUNREACH: 'No route to that network: check this machine’s network or VPN.',
};

/**
 * Connects to a console server that passes bytes through raw (ser2net’s `raw`, not telnet).
 * @param limit milliseconds
 * @throws PortError
 */
export async function openTcp(
  name: string,
  address: { readonly host: string; readonly port: number },
  timers: Timers,
  limit: number,
): Promise<Port> {
  const socket = connect({
    ...address,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  const silent = new PortError('port-timeout', `${name} did not answer in ${limit / 1000} s.`, {
    next: 'A firewall may be in between, or the host is down: check the address, the network, a VPN.',
  });
  const cancel = timers.after(limit, () => socket.destroy(silent));
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw cause instanceof PortError ? cause : unreachable(name, cause);
  } finally {
    cancel();
  }
  return new TcpPort(name, socket);
}

function unreachable(name: string, cause: unknown): PortError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no reason given';
  return new PortError('port-unreachable', `${name} cannot be reached: ${code}.`, {
    next: advice[code] ?? 'Check the address and the network.',
    details: { reason: code },
    cause,
  });
}

class TcpPort implements Port {
  readonly name: string;
  readonly #socket: Socket;
  #closing = false;

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    // Errors reach the reader and the writers by themselves.
    socket.on('error', () => {});
  }

  listen(listener: PortListener): void {
    this.#read(listener).then(
      () => listener.closed(this.#closing ? undefined : this.#gone()),
      (cause: unknown) => listener.closed(this.#closing ? undefined : this.#gone(cause)),
    );
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (cause) => (cause == null ? resolve() : reject(this.#gone(cause))));
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#socket.closed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.destroy();
    await closed;
  }

  async hint(): Promise<string | undefined> {
    return undefined;
  }

  async #read(listener: PortListener): Promise<void> {
    for await (const chunk of this.#socket) await listener.data(chunk);
  }

  #gone(cause?: unknown): PortError {
    return new PortError('port-gone', `${this.name} closed the connection.`, {
      next: 'Somebody else may be using the line, or the console server closed it: try again, then look at its status.',
      cause,
    });
  }
}
