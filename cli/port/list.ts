import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SerialPort } from 'serialport';
import { type Host, thisHost } from './holders.ts';
import { type Hint, usbHint } from './usb.ts';

/** A serial port of this machine; undefined is what is not known of it. */
export interface PortInfo {
  readonly path: string;
  /** USB ids, four hexadecimal digits. */
  readonly vendor: string | undefined;
  readonly product: string | undefined;
  /** Number of the USB interface, which tells a module's ports apart. */
  readonly interface: number | undefined;
  /** What the device calls itself; not escaped. */
  readonly description: string | undefined;
  readonly serial: string | undefined;
  /** A guess at what the port is for, by its USB ids alone. */
  readonly guess: Hint | undefined;
}

/** The serial ports there are, by path. No port is opened. */
export async function listPorts(
  host: Host = thisHost,
  list: typeof SerialPort.list = SerialPort.list,
): Promise<PortInfo[]> {
  const ports = host.platform === 'linux' ? await fromSysfs(host) : (await list()).map(fromSerialport);
  return ports.sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

/** Without udev, which containers and small systems lack, and with the USB interface, which it does not give. */
async function fromSysfs(host: Host): Promise<PortInfo[]> {
  const names = await readdir(join(host.root, 'sys/class/tty')).catch(() => []);
  const ports = await Promise.all(names.map((name) => fromDevice(name, host)));
  return ports.filter((port) => port !== undefined);
}

async function fromDevice(name: string, host: Host): Promise<PortInfo | undefined> {
  const folder = join(host.root, 'sys/class/tty', name);
  const device = await realpath(join(folder, 'device')).catch(() => undefined);
  const exists = await stat(join(host.root, 'dev', name)).catch(() => undefined);
  // A virtual terminal has no device; an on-board port without a chip behind it has type 0.
  if (device === undefined || exists === undefined || (await attribute(folder, 'type')) === '0')
    return undefined;
  const path = `/dev/${name}`;
  const usb = await usbInterface(device, join(host.root, 'sys'));
  if (usb === undefined) return portInfo(path, {});
  return portInfo(path, {
    vendor: await attribute(dirname(usb), 'idVendor'),
    product: await attribute(dirname(usb), 'idProduct'),
    number: await attribute(usb, 'bInterfaceNumber'),
    description: await attribute(dirname(usb), 'product'),
    serial: await attribute(dirname(usb), 'serial'),
  });
}

function fromSerialport(port: Awaited<ReturnType<typeof SerialPort.list>>[number]): PortInfo {
  return portInfo(port.path, {
    vendor: port.vendorId?.toLowerCase(),
    product: port.productId?.toLowerCase(),
    // Windows: USB\VID_2C7C&PID_0125&MI_02\…
    number: /&MI_([0-9a-f]{2})/i.exec(port.pnpId ?? '')?.[1],
    description: port.manufacturer,
    serial: port.serialNumber,
  });
}

/** `number` is the USB interface's, in hexadecimal. */
type Found = Partial<Record<'vendor' | 'product' | 'number' | 'description' | 'serial', string | undefined>>;

function portInfo(path: string, { vendor, product, number, description, serial }: Found): PortInfo {
  const of = number === undefined ? undefined : Number.parseInt(number, 16);
  return { path, vendor, product, interface: of, description, serial, guess: usbHint(vendor, of) };
}

/** The nearest folder above a tty's device that is a USB interface. */
async function usbInterface(device: string, sys: string): Promise<string | undefined> {
  for (let folder = device; folder.length > sys.length; folder = dirname(folder)) {
    if ((await attribute(folder, 'bInterfaceNumber')) !== undefined) return folder;
  }
  return undefined;
}

async function attribute(folder: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
  return text?.trim();
}
