import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The machine as it is looked at for reasons: a test gives another `root` than `/`. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly root: string;
  readonly pid: number;
}

export const thisHost: Host = { platform: process.platform, root: '/', pid: process.pid };

export interface Holder {
  readonly pid: number;
  readonly command: string;
}

/**
 * The other processes that have `device` open, as far as this user may see them (proc(5)). Linux only.
 * Of a pseudo-terminal, not who has its other end, as the simulator does: that is the module, not a rival.
 */
export async function holders(device: string, host: Host): Promise<Holder[]> {
  if (host.platform !== 'linux') return [];
  const target = await resolveLink(device);
  const open: Holder[] = [];
  for (const pid of await processes(host)) {
    if (pid === host.pid || (await hasMaster(pid, target, host))) continue;
    if (await hasOpen(pid, target, host)) {
      open.push({ pid, command: await commandOf(pid, host) });
    }
  }
  return open;
}

/** ModemManager opens every modem's AT ports for its own questions. */
export async function modemManager(host: Host): Promise<Holder | undefined> {
  if (host.platform !== 'linux') return undefined;
  for (const pid of await processes(host)) {
    if ((await commandOf(pid, host)) === 'ModemManager') return { pid, command: 'ModemManager' };
  }
  return undefined;
}

/** Who holds the device by its UUCP lock file, as minicom and others do (FHS 5.9), if that process lives. */
export async function lockFile(
  device: string,
  host: Host,
): Promise<(Holder & { readonly file: string }) | undefined> {
  if (host.platform !== 'linux') return undefined;
  const file = `/var/lock/LCK..${basename(await resolveLink(device))}`;
  const pid = Number.parseInt(await readFile(join(host.root, file), 'latin1').catch(() => ''), 10);
  if (!(pid > 0) || pid === host.pid || !(await processes(host)).includes(pid)) return undefined;
  return { pid, command: await commandOf(pid, host), file };
}

/** The name of a group, or its number where it has none. */
export async function groupName(gid: number, host: Host): Promise<string> {
  const file = await readFile(join(host.root, 'etc/group'), 'utf8').catch(() => '');
  const row = file.split('\n').find((line) => line.split(':')[2] === String(gid));
  return row?.split(':')[0] ?? String(gid);
}

/** /dev/serial/by-id/… and other links: what they lead to. */
export function resolveLink(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function processes(host: Host): Promise<number[]> {
  const names = await readdir(join(host.root, 'proc')).catch(() => []);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

async function hasOpen(pid: number, target: string, host: Host): Promise<boolean> {
  return (await descriptors(pid, target, host)).length > 0;
}

/** All masters are one device, /dev/ptmx; which terminal each is of stands in fdinfo. */
async function hasMaster(pid: number, terminal: string, host: Host): Promise<boolean> {
  const index = /^\/dev\/pts\/(\d+)$/.exec(terminal)?.[1];
  if (index === undefined) return false;
  for (const fd of await descriptors(pid, '/dev/ptmx', host)) {
    const info = await readFile(join(host.root, 'proc', String(pid), 'fdinfo', fd), 'utf8').catch(() => '');
    if (info.split('\n').includes(`tty-index:\t${index}`)) return true;
  }
  return false;
}

/** The numbers under which a process has `target` open. */
async function descriptors(pid: number, target: string, host: Host): Promise<string[]> {
  const folder = join(host.root, 'proc', String(pid), 'fd');
  const open: string[] = [];
  for (const fd of await readdir(folder).catch(() => [])) {
    if ((await readlink(join(folder, fd)).catch(() => '')) === target) open.push(fd);
  }
  return open;
}

/** The program's name: of its command line, since a process may call its threads something else. */
async function commandOf(pid: number, host: Host): Promise<string> {
  const folder = join(host.root, 'proc', String(pid));
  const read = (name: string) => readFile(join(folder, name), 'utf8').catch(() => '');
  const [program = ''] = (await read('cmdline')).split('\0', 1);
  return basename(program) || (await read('comm')).trim() || 'a process';
}
