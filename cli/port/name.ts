import { escapeWire } from './escape.ts';
import { PortError } from './fault.ts';

/** What a port's name means. */
export type PortName =
  | { readonly kind: 'serial'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * `/dev/ttyUSB2` or any other path, `COM5`, `tcp://host:port`.
 * @throws PortError `port-name`
 */
export function parsePortName(name: string): PortName {
  if (/^((?!tcp:)[\w.-]*\/|COM\d+$|\\\\\.\\)/i.test(name)) return { kind: 'serial', path: name };
  const [, host, port] = /^tcp:\/\/(\[[0-9a-f:.%\w]+\]|[\w.-]+):(\d{1,5})\/?$/i.exec(name) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    const guess = /^tty\w+$/.test(name) ? ` Did you mean /dev/${name}?` : '';
    throw new PortError('port-name', `“${escapeWire(name)}” does not name a port.`, {
      next: `Write /dev/ttyUSB2, COM5 or tcp://host:port; latchkey ports lists the ports of this machine.${guess}`,
    });
  }
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
