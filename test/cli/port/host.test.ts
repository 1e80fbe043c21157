import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { explainOpen, explainSilence, obstacle } from '../../../cli/port/diagnose.ts';
import type { Host } from '../../../cli/port/holders.ts';
import { listPorts } from '../../../cli/port/list.ts';
import { openSerial } from '../../../cli/port/serial.ts';
import { usbHint } from '../../../cli/port/usb.ts';
import { Pty } from './pty.ts';

/** A machine of files: a string is a file, `->` a link. */
function machine(t: TestContext, files: Readonly<Record<string, string>>): Host {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-host-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (text.startsWith('-> ')) symlinkSync(text.slice(3).replace('ROOT', root), join(root, path));
    else writeFileSync(join(root, path), text);
  }
  return { platform: 'linux', root, pid: 1 };
}

function pair(t: TestContext): Pty {
  const pty = new Pty();
  t.after(() => pty.vanish());
  return pty;
}

const manager = { 'proc/812/comm': 'ModemManager\n', 'proc/812/fd/0': '-> /dev/null', 'proc/meminfo': '' };

test('a port held by ModemManager says how to make it leave', async (t) => {
  const host = machine(t, { ...manager, 'proc/812/fd/7': '-> /dev/ttyUSB2' });
  const error = await explainOpen(
    '/dev/ttyUSB2',
    new Error('Error: Device or resource busy, cannot open'),
    host,
  );
  assert.equal(error.code, 'port-busy');
  assert.equal(error.message, '/dev/ttyUSB2 is in use by ModemManager (process 812).');
  assert.match(error.next ?? '', /mmcli --inhibit-device.*ID_MM_PORT_IGNORE/);
});

test('a port held by several names each, and one command that ends them all', async (t) => {
  const held = '-> /dev/ttyUSB2';
  const two = {
    ...{ 'proc/20/cmdline': '/usr/bin/minicom\0-D', 'proc/20/fd/3': held },
    ...{ 'proc/31/comm': 'pppd\n', 'proc/31/fd/9': held },
  };
  const cause = new Error('Error Resource temporarily unavailable Cannot lock port');
  const error = await explainOpen('/dev/ttyUSB2', cause, machine(t, two));
  assert.equal(error.message, '/dev/ttyUSB2 is in use by minicom (process 20), pppd (process 31).');
  assert.match(error.next ?? '', /^End all of them \(kill 20 31, or leave each by its own means\)/);
  const three = machine(t, { ...two, ...manager, 'proc/812/fd/7': held });
  const { next = '' } = await explainOpen('/dev/ttyUSB2', cause, three);
  assert.match(next, /mmcli --inhibit-device.*kill 20 31,/);
});

test('who has the other end of a pseudo-terminal is the module, and is not told to end', async (t) => {
  const device = '-> /dev/pts/7';
  const host = machine(t, {
    ...{ 'proc/20/cmdline': 'node\0sim', 'proc/20/fd/3': '-> /dev/ptmx', 'proc/20/fd/4': device },
    'proc/20/fdinfo/3': 'pos:\t0\nflags:\t02\ntty-index:\t7\n',
    ...{ 'proc/31/cmdline': 'screen\0', 'proc/31/fd/3': '-> /dev/ptmx', 'proc/31/fd/9': device },
    'proc/31/fdinfo/3': 'pos:\t0\nflags:\t02\ntty-index:\t70\n',
  });
  const error = await explainOpen('/dev/pts/7', new Error('Cannot lock port'), host);
  assert.equal(error.message, '/dev/pts/7 is in use by screen (process 31).');
});

test('a port held by somebody whom this user cannot see says how to find out', async (t) => {
  const host = machine(t, {});
  const error = await explainOpen(
    '/dev/ttyUSB2',
    'Error Resource temporarily unavailable Cannot lock port',
    host,
  );
  assert.equal(error.message, '/dev/ttyUSB2 is in use.');
  assert.match(error.next ?? '', /sudo fuser -v \/dev\/ttyUSB2/);
});

test('a UUCP lock file of a living process is honoured, that of a dead one is not', async (t) => {
  const { path } = pair(t);
  const lock = `var/lock/LCK..${path.split('/').at(-1)}`;
  const living = machine(t, { [lock]: '      4711\n', 'proc/4711/comm': 'minicom\n' });
  const error = await obstacle(path, living);
  assert.equal(error?.code, 'port-busy');
  assert.match(
    `${error?.message} ${error?.next}`,
    /minicom \(process 4711\).*End it \(kill 4711, or leave it by its own means\).*\/var\/lock\/LCK\.\./,
  );
  await assert.rejects(openSerial(path, 115_200, living), /in use by minicom/);
  const beside = { [lock]: '4711\n', 'proc/4711/comm': 'minicom\n', 'proc/4711/fd/3': `-> ${path}` };
  const both = machine(t, { ...beside, 'proc/99/comm': 'cat\n', 'proc/99/fd/0': `-> ${path}` });
  const { message } = (await obstacle(path, both)) ?? {};
  assert.equal(message, `${path} is in use by minicom (process 4711), cat (process 99).`);
  assert.equal(await obstacle(path, machine(t, { [lock]: '4711\n', 'proc/1/comm': 'init' })), undefined);
  assert.equal(await obstacle(path, machine(t, { [lock]: 'garbage' })), undefined);
  assert.equal(await obstacle(path, { ...living, pid: 4711 }), undefined);
  assert.equal(await obstacle(path, { ...living, platform: 'darwin' }), undefined);
  assert.equal(await obstacle('COM5', { ...living, platform: 'win32' }), undefined);
});

test('a process without a name of its own is still a holder', async (t) => {
  const host = machine(t, { 'proc/9/fd/3': '-> /dev/ttyS0' });
  const error = await explainOpen('/dev/ttyS0', new Error('Access denied'), host);
  assert.equal(error.message, '/dev/ttyS0 is in use by a process (process 9).');
});

test('permission names the group that has it', async (t) => {
  // A pty belongs to group tty, which may write but not read it; /dev/null is everybody's and root's.
  const cause = new Error('Error: Permission denied, cannot open /dev/null');
  const group = machine(t, { 'etc/group': 'root:x:3:\ndialout:x:0:alice\n' });
  const error = await explainOpen('/dev/null', cause, group);
  assert.equal(error.code, 'port-permission');
  assert.match(error.next ?? '', /sudo usermod -aG dialout \$USER/);
  assert.match((await explainOpen('/dev/null', cause, machine(t, {}))).next ?? '', /usermod -aG 0 /);
  const { path } = pair(t);
  assert.match((await explainOpen(path, cause, group)).next ?? '', /Only root may/);
  assert.match((await explainOpen('/dev/none', cause, group)).next ?? '', /Only its owner may/);
});

test('a missing port names those there are', async (t) => {
  const host = machine(t, { 'dev/ttyUSB2': '', 'dev/ttyUSB0': '', 'dev/tty7': '', 'dev/null': '' });
  const error = await explainOpen(
    '/dev/ttyUSB9',
    new Error('Error: No such file or directory, cannot open'),
    host,
  );
  assert.equal(error.code, 'port-missing');
  assert.match(error.next ?? '', /^There are \/dev\/ttyUSB0, \/dev\/ttyUSB2\./);
  const none = await explainOpen('COM9', new Error('Opening COM9: File not found'), {
    ...host,
    platform: 'win32',
  });
  assert.match(none.next ?? '', /cable/);
});

test('what nobody foresaw is port-failed, with the system’s words', async (t) => {
  const error = await explainOpen(
    '/dev/ttyS0',
    new Error('Error: Input/output error setting baud'),
    machine(t, {}),
  );
  assert.equal(error.code, 'port-failed');
  assert.match(error.message, /Input\/output error/);
});

test('a silent module’s port may also be open elsewhere, or probed by ModemManager', async (t) => {
  const host = machine(t, manager);
  const rival = machine(t, { ...manager, 'proc/9/comm': 'cat\n', 'proc/9/fd/3': '-> /dev/ttyUSB2' });
  assert.match((await explainSilence('/dev/ttyUSB2', rival)) ?? '', /also open in cat \(process 9\)/);
  assert.match((await explainSilence('/dev/ttyUSB2', host)) ?? '', /^ModemManager \(process 812\)/);
  assert.equal(await explainSilence('/dev/ttyS0', host), undefined);
  assert.equal(await explainSilence('/dev/ttyUSB2', machine(t, {})), undefined);
  assert.equal(await explainSilence('/dev/ttyUSB2', { ...host, platform: 'darwin' }), undefined);
});

test('the other end of a pty is the simulator, not a rival', async (t) => {
  const { path } = pair(t);
  const index = path.slice('/dev/pts/'.length);
  const host = machine(t, {
    ...{ 'proc/9/fd/3': `-> ${path}`, 'proc/9/fd/4': '-> /dev/ptmx' },
    'proc/9/fdinfo/4': `pos:\t0\ntty-index:\t${index}\n`,
  });
  const port = await openSerial(path, 115_200, host);
  t.after(() => port.close());
  assert.equal(await port.hint(), undefined);
});

const usb = {
  'sys/devices/usb1/1-2/idVendor': '2c7c\n',
  'sys/devices/usb1/1-2/idProduct': '0125\n',
  'sys/devices/usb1/1-2/product': 'EC25\n',
  'sys/devices/usb1/1-2/serial': '42\n',
  'sys/devices/usb1/1-2/1-2:1.2/bInterfaceNumber': '02\n',
  'sys/devices/usb1/1-2/1-2:1.2/ttyUSB2/uevent': '',
  'sys/class/tty/ttyUSB2/device': '-> ROOT/sys/devices/usb1/1-2/1-2:1.2/ttyUSB2',
  'dev/ttyUSB2': '',
};

test('ports are listed with their USB ids, and what each may be', async (t) => {
  const host = machine(t, {
    ...usb,
    'sys/devices/usb1/1-2/1-2:1.a/bInterfaceNumber': '0a\n',
    'sys/devices/usb1/1-2/1-2:1.a/ttyUSB10/uevent': '',
    'sys/class/tty/ttyUSB10/device': '-> ROOT/sys/devices/usb1/1-2/1-2:1.a/ttyUSB10',
    'dev/ttyUSB10': '',
    'sys/devices/pnp/uevent': '',
    'sys/class/tty/ttyS0/device': '-> ROOT/sys/devices/pnp',
    'sys/class/tty/ttyS0/type': '4',
    'dev/ttyS0': '',
    'sys/class/tty/ttyS1/device': '-> ROOT/sys/devices/pnp',
    'sys/class/tty/ttyS1/type': '0',
    'dev/ttyS1': '',
    'sys/class/tty/ttyGONE/device': '-> ROOT/sys/devices/pnp',
    'sys/class/tty/tty1/dev': '4:1',
    'dev/tty1': '',
  });
  const ports = await listPorts(host);
  assert.deepEqual(
    ports.map(({ path }) => path),
    ['/dev/ttyS0', '/dev/ttyUSB2', '/dev/ttyUSB10'],
  );
  assert.deepEqual(ports[1], {
    path: '/dev/ttyUSB2',
    vendor: '2c7c',
    product: '0125',
    interface: 2,
    description: 'EC25',
    serial: '42',
    guess: { maker: 'Quectel', use: 'at' },
  });
  assert.equal(ports[2]?.interface, 10);
  assert.deepEqual(ports[2]?.guess, { maker: 'Quectel', use: 'unknown' });
  assert.deepEqual(await listPorts(machine(t, {})), []);
  assert.ok(Array.isArray(await listPorts()));
});

test('elsewhere ports are as serialport lists them; Windows tells the USB interface by its MI_ number', async () => {
  const blank = { manufacturer: undefined, serialNumber: undefined, locationId: undefined };
  const pnpId = String.raw`USB\VID_2C7C&PID_0125&MI_02\6&1A2B3C&0&0002`;
  const ports = await listPorts({ platform: 'win32', root: '/', pid: 1 }, async () => [
    { path: 'COM12', ...blank, pnpId, vendorId: '2C7C', productId: '0125' },
    { path: 'COM3', ...blank, pnpId: undefined, vendorId: undefined, productId: undefined },
  ]);
  assert.deepEqual(
    ports.map(({ path, interface: number, guess }) => [path, number, guess?.use]),
    [
      ['COM3', undefined, undefined],
      ['COM12', 2, 'at'],
    ],
  );
});

test('hints are for known makers alone', () => {
  assert.deepEqual(usbHint('1199', 3), { maker: 'Sierra Wireless', use: 'at' });
  assert.deepEqual(usbHint('1199', 1), { maker: 'Sierra Wireless', use: 'unknown' });
  assert.deepEqual(usbHint('1199', undefined), { maker: 'Sierra Wireless', use: 'unknown' });
  assert.equal(usbHint('0403', 0), undefined);
  assert.equal(usbHint(undefined, undefined), undefined);
});
