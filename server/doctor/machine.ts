import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer, isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Config, Listener } from '../config.ts';
import { failed, ok, type Probe, warning } from './finding.ts';

/** What only main.ts may ask the machine. */
export interface Machine {
  /** `process.versions.node`. */
  readonly node: string;
  readonly cores: number;
  /** libuv's thread pool, which signs. */
  readonly threads: number;
}

const MEGABYTE = 2 ** 20;

export function machineProbes(config: Config, machine: Machine): readonly Probe[] {
  return [
    { name: 'node', next: 'install Node 24', look: () => nodeVersion(machine) },
    { name: 'threads', next: 'set UV_THREADPOOL_SIZE', look: () => threads(machine) },
    { name: 'disk', next: 'make the data directory', look: () => space(config) },
    { name: 'names', next: 'set iss and api', look: () => names(config) },
    { name: 'api port', next: 'set api.host to an address of this machine', look: () => port(config.api) },
    { name: 'ops port', next: 'set ops.host to an address of this machine', look: () => port(config.ops) },
  ];
}

function nodeVersion({ node }: Machine) {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) return failed(`Node ${node} is too old`, 'install Node 24');
  return ok(major < 24 ? `${node}; 24 signs RSA about 1.8 times as fast` : node);
}

function threads({ cores, threads }: Machine) {
  if (threads >= cores) return ok(`${threads} threads sign on ${cores} cores`);
  return warning(
    `${threads} threads sign on ${cores} cores: the others stay idle`,
    `set UV_THREADPOOL_SIZE=${cores} in the service's environment`,
  );
}

async function space({ dataDir }: Config) {
  const { bavail, bsize } = await statfs(nearest(dataDir));
  const free = (bavail * bsize) / MEGABYTE;
  const detail = `${Math.floor(free)} MB free under ${dataDir}`;
  if (free < 100) return failed(detail, 'make room: when the log cannot be written, nothing is granted');
  return free < 1024 ? warning(detail, 'make room before the log fills it') : ok(detail);
}

function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

function names({ iss, api, ops }: Config) {
  if (!isLoopback(ops.host)) {
    return warning(
      `ops listens on ${ops.host}: anybody who reaches it reads the metrics`,
      'set ops.host to 127.0.0.1, or keep others away from it',
    );
  }
  if (iss === 'localhost' && !isLoopback(api.host)) {
    return warning(
      `iss is localhost, but the api listens on ${api.host}`,
      'set iss before init: it stands in every manifest and token, and cannot change',
    );
  }
  return ok(`iss ${iss}, api ${api.origin}`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

async function port({ host, port }: Listener) {
  const taken = await new Promise<boolean>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(true);
      else reject(error);
    });
    probe.listen(port, host, () => probe.close(() => resolve(false)));
  });
  if (!taken) return ok(`${host} port ${port} is free`);
  return warning(
    `${host} port ${port} is taken`,
    'nothing, if that is this server running; else set another port, or stop what listens there',
  );
}
