import { type Host, thisHost } from './holders.ts';
import { parsePortName } from './name.ts';
import type { Port } from './port.ts';
import { openSerial } from './serial.ts';
import { openTcp } from './tcp.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface PortOptions {
  /** Bits per second of a serial line; 115200. */
  readonly baud?: number | undefined;
  /** Ends whatever is under way on the port by closing it. */
  readonly signal?: AbortSignal | undefined;
  readonly timers?: Timers;
  readonly host?: Host;
}

const CONNECT_LIMIT = 10_000;

/**
 * Opens `/dev/ttyUSB2`, `COM5` or `tcp://host:port`. Who opens it closes it, whatever happens.
 * @throws PortError
 */
export async function openPort(name: string, options: PortOptions = {}): Promise<Port> {
  const { baud = 115_200, timers = systemTimers, host = thisHost, signal } = options;
  signal?.throwIfAborted();
  const parsed = parsePortName(name);
  const port =
    parsed.kind === 'tcp'
      ? await openTcp(name, { host: parsed.host, port: parsed.port }, timers, CONNECT_LIMIT)
      : await openSerial(parsed.path, baud, host);
  if (signal?.aborted) await port.close();
  signal?.throwIfAborted();
  return port;
}

/**
 * Opens a port for `work` and closes it after, also when `options.signal` fires: `work` then fails with
 * `port-gone`, and this with the signal's reason.
 */
export async function usePort<T>(
  name: string,
  options: PortOptions,
  work: (port: Port) => Promise<T>,
): Promise<T> {
  const port = await openPort(name, options);
  const abort = () => void port.close();
  options.signal?.addEventListener('abort', abort);
  try {
    return await work(port);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    await port.close();
  }
}
