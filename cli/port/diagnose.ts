import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PortError } from './fault.ts';
import {
  groupName,
  type Holder,
  type Host,
  holders,
  lockFile,
  modemManager,
  resolveLink,
} from './holders.ts';

/** What keeps `path` from being opened, before it is tried: undefined for nothing that can be seen. */
export async function obstacle(path: string, host: Host): Promise<PortError | undefined> {
  if (host.platform === 'win32') return undefined;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return missing(path, host);
  if (!found.isCharacterDevice()) {
    return new PortError('port-name', `${path} is not a serial port.`, {
      next: 'latchkey ports lists them.',
    });
  }
  const holder = await lockFile(path, host);
  if (holder === undefined) return undefined;
  const others = (await holders(path, host)).filter(({ pid }) => pid !== holder.pid);
  const { file, ...first } = holder;
  return busy(path, [first, ...others], `${first.command} says so in ${file}.`);
}

/** Turns what serialport throws, sentences without codes, into what to do about it. */
export async function explainOpen(path: string, cause: unknown, host: Host): Promise<PortError> {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/cannot lock|resource busy|access denied/i.test(text)) return busy(path, await holders(path, host), '');
  if (/permission denied|operation not permitted/i.test(text)) return permission(path, host, cause);
  if (/no such (file|device)|file not found/i.test(text)) return missing(path, host);
  return new PortError('port-failed', `${path} could not be opened: ${text}.`, {
    next: 'Check that it is the module’s AT port and that --baud is a speed it knows; latchkey ports lists the ports.',
    cause,
  });
}

/** What on this machine may keep a module from being heard on `path`, which is open here. */
export async function explainSilence(path: string, host: Host): Promise<string | undefined> {
  const device = await resolveLink(path);
  const rivals = await holders(device, host);
  if (rivals.length > 0) return `The port is also open in ${list(rivals)}, which takes part of the answers.`;
  const manager = /^\/dev\/tty(USB|ACM)/.test(device) ? await modemManager(host) : undefined;
  if (manager === undefined) return undefined;
  return `ModemManager (process ${manager.pid}) runs and may be probing the port: see docs/ports.md.`;
}

function list(by: readonly Holder[]): string {
  return by.map(({ command, pid }) => `${command} (process ${pid})`).join(', ');
}

function busy(path: string, by: readonly Holder[], because: string): PortError {
  const managed = by.some(({ command }) => command === 'ModemManager');
  const others = by.filter(({ command }) => command !== 'ModemManager').map(({ pid }) => pid);
  const steps = [
    ...(by.length === 0
      ? [`Its owner is another user’s: sudo fuser -v ${path} names it. End it, then try again.`]
      : []),
    ...(managed ? [LEAVE_ALONE] : []),
    ...(others.length === 0 ? [] : [endAll(others)]),
    ...(because === '' ? [] : [because]),
  ];
  const message = `${path} is in use${by.length === 0 ? '' : ` by ${list(by)}`}.`;
  return new PortError('port-busy', message, { next: steps.join(' '), details: { holders: by } });
}

/** It would take the port again, were it ended. */
const LEAVE_ALONE =
  'Tell ModemManager to leave the module alone: sudo mmcli --inhibit-device=UID (mmcli -m any names the UID) while you work, or for good the udev rule ID_MM_PORT_IGNORE in docs/ports.md.';

function endAll(pids: readonly number[]): string {
  const [what, means] = pids.length === 1 ? ['it', 'it by its'] : ['all of them', 'each by its'];
  return `End ${what} (kill ${pids.join(' ')}, or leave ${means} own means), then try again.`;
}

async function permission(path: string, host: Host, cause: unknown): Promise<PortError> {
  const found = statSync(path, { throwIfNoEntry: false });
  const group = found === undefined ? undefined : await groupName(found.gid, host);
  const next =
    group !== undefined && groupMayUse(found) && group !== 'root'
      ? `Group ${group} may: sudo usermod -aG ${group} $USER, then log in again (or for this shell: newgrp ${group}).`
      : `Only ${found?.uid === 0 ? 'root' : 'its owner'} may; a udev rule gives it to a group: see docs/ports.md.`;
  return new PortError('port-permission', `You may not open ${path}.`, { next, details: { group }, cause });
}

function groupMayUse(found: Stats | undefined): boolean {
  return found !== undefined && (found.mode & 0o060) === 0o060;
}

async function missing(path: string, host: Host): Promise<PortError> {
  const there = host.platform === 'win32' ? [] : await candidates(host);
  const next =
    there.length === 0
      ? 'No USB or on-board serial port is there at all: check the cable, the module’s power and its driver (dmesg).'
      : `There are ${there.join(', ')}. latchkey ports says what they are.`;
  return new PortError('port-missing', `There is no port ${path}.`, { next, details: { ports: there } });
}

async function candidates(host: Host): Promise<string[]> {
  const names = await readdir(join(host.root, 'dev')).catch(() => []);
  return names
    .filter((name) => /^(tty(USB|ACM|AMA|mxc|O|HS|THS)\d+|cu\.\w+)$/.test(name))
    .sort()
    .map((name) => `/dev/${name}`);
}
