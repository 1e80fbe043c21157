import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';

/** `make install` of module/agent, into a directory that stands for a module's image. */

const source = resolve(import.meta.dirname, '../../../../module/agent');
const shipped = (name: string) => readFileSync(join(source, name), 'utf8');

function image(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-install-'));
  t.after(() => rmSync(root, { recursive: true }));
  return {
    install(...words: readonly string[]) {
      // One make at a time, since test files run side by side.
      const args = [source, 'make', '-C', source, 'install', `DESTDIR=${root}`, ...words];
      return spawnSync('flock', args, { encoding: 'utf8' });
    },
    files: () =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
        .sort(),
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    write(path: string, text: string) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    mode: (path: string) => statSync(join(root, path)).mode & 0o777,
  };
}

test('the programs, the sample configuration and the list of back doors go where they look for each other', (t) => {
  const { install, files, read, mode } = image(t);
  assert.equal(install().status, 0);
  const programs = ['/usr/sbin/latch-tls', '/usr/sbin/latchd'];
  assert.deepEqual(files(), ['/etc/latchd.conf', '/etc/latchd/backdoors.conf', ...programs]);
  for (const path of programs) assert.equal(mode(path), 0o755);
  for (const path of ['/etc/latchd.conf', '/etc/latchd/backdoors.conf']) assert.equal(mode(path), 0o644);
  assert.match(read('/etc/latchd.conf'), /^backdoors = \/etc\/latchd\/backdoors\.conf$/m);
});

test('a configuration and a list that are there stay as they are', (t) => {
  const { install, read, write } = image(t);
  write('/etc/latchd.conf', "# the product's\n");
  write('/etc/latchd/backdoors.conf', 'QLINUXCMD\n');
  assert.equal(install().status, 0);
  assert.equal(read('/etc/latchd.conf'), "# the product's\n");
  assert.equal(read('/etc/latchd/backdoors.conf'), 'QLINUXCMD\n');
});

test("INIT=busybox adds one line to the image's inittab, and names those that open it without latchd", (t) => {
  const { install, files, read, write } = image(t);
  const own =
    '::sysinit:/etc/init.d/rcS\nttyHSL0::askfirst:-/bin/sh\n# tty1::respawn:/sbin/getty 38400 tty1\n';
  write('/etc/inittab', own);
  for (let times = 0; times < 2; times += 1) {
    const { status, stdout } = install('INIT=busybox');
    assert.equal(status, 0);
    assert.match(stdout, /^2:ttyHSL0::askfirst:-\/bin\/sh\ntake these lines out of /m);
    assert.doesNotMatch(stdout, /^\d+:# tty1/m);
    assert.equal(read('/etc/inittab'), own + shipped('init/inittab'));
  }
  assert.equal(files().length, 5);
});

test('INIT=busybox without an inittab is refused: the line alone would boot nothing', (t) => {
  const { install, files } = image(t);
  const { status, stdout } = install('INIT=busybox');
  assert.notEqual(status, 0);
  assert.match(stdout, /etc\/inittab is missing: the image's inittab comes first/);
  assert.deepEqual(files(), []);
});

test('INIT=procd and INIT=systemd bring their entries', (t) => {
  const { install, read, mode } = image(t);
  assert.equal(install('INIT=procd').status, 0);
  assert.equal(read('/etc/init.d/latchd'), shipped('init/latchd.init'));
  assert.equal(mode('/etc/init.d/latchd'), 0o755);
  assert.equal(install('INIT=systemd').status, 0);
  assert.equal(read('/usr/lib/systemd/system/latchd.service'), shipped('init/latchd.service'));
  assert.equal(mode('/usr/lib/systemd/system/latchd.service'), 0o644);
});

test('each entry starts latchd from where PREFIX has put it', (t) => {
  const { install, read, write } = image(t);
  write('/etc/inittab', '');
  for (const [init, path] of [
    ['busybox', '/etc/inittab'],
    ['procd', '/etc/init.d/latchd'],
    ['systemd', '/lib/systemd/system/latchd.service'],
  ] as const) {
    assert.equal(install(`INIT=${init}`, 'PREFIX=/opt/lock', 'UNITDIR=/lib/systemd/system').status, 0);
    assert.match(read(path), /\/opt\/lock\/sbin\/latchd -c \/etc\/latchd\.conf/);
    assert.doesNotMatch(read(path), /\/usr\/sbin\/latchd/);
  }
});

test('an init that it does not know is refused, and nothing is installed', (t) => {
  const { install, files } = image(t);
  const { status, stderr } = install('INIT=openrc');
  assert.notEqual(status, 0);
  assert.match(stderr, /INIT=openrc: it is busybox, procd or systemd/);
  assert.deepEqual(files(), []);
});
