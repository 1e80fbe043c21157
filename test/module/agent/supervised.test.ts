import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { openPty } from '../../../module/simulator/pty.ts';
import { rsaJwk } from '../../../protocol/jwk.ts';

/**
 * The shipped inittab and configuration, as they are, under busybox's own init: process 1 of a small module
 * in namespaces of its own, whose ttyGS0 is a pseudo-terminal of ours.
 */

const source = resolve(import.meta.dirname, '../../../../module/agent');
const root = mkdtempSync(join(tmpdir(), 'latchkey-image-'));
const CALLED = /\+QLATCH: "unprovisioned",0,"ABCD12345678",0\r\n\r\nOK/;

let init: ChildProcessWithoutNullStreams | undefined;
let port: Awaited<ReturnType<typeof openPty>> | undefined;
let heard = '';
let said = '';

/** The image's root: the host's programs, and everything else its own. In a mount namespace, so it goes with it. */
const enter = `
for dir in usr bin sbin lib lib64; do [ -e /$dir ] || continue; mkdir -p "$0/$dir"; mount --rbind /$dir "$0/$dir"; done
mount -t proc proc "$0/proc"
for node in null random urandom; do : > "$0/dev/$node"; mount --bind /dev/$node "$0/dev/$node"; done
mount --rbind /dev/pts "$0/dev/pts"
mkdir "$0/sbin-own"; cp "$1" "$0/sbin-own/latchd"
mount --bind "$0/sbin-own" "$0/usr/sbin"
exec chroot "$0" /bin/busybox init
`;

before(async () => {
  const made = spawnSync('flock', [source, 'make', '--silent', '-C', source], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  port = await openPty(async (bytes) => {
    heard += Buffer.from(bytes).toString('latin1');
  });
  image(port.path);
  const apart = ['--mount', '--pid', '--fork', '--kill-child'];
  const mapped = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  init = spawn('unshare', [...mapped, ...apart, 'sh', '-ec', enter, root, join(source, 'build/host/latchd')]);
  init.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
});

after(async () => {
  if (init?.exitCode === null) {
    init.kill('SIGKILL');
    await once(init, 'close');
  }
  await port?.close();
  rmSync(root, { recursive: true, force: true });
});

/** What the product's image brings: the shipped files, two roots, the numbers of the silicon, the ports. */
function image(at: string): void {
  for (const dir of ['dev/pts', 'etc/latchd', 'persist', 'proc', 'run', 'sys/devices/soc0'])
    mkdirSync(join(root, dir), { recursive: true, mode: 0o755 });
  copyFileSync(join(source, 'init/inittab'), join(root, 'etc/inittab'));
  copyFileSync(join(source, 'latchd.conf'), join(root, 'etc/latchd.conf'));
  copyFileSync(join(source, 'backdoors.conf'), join(root, 'etc/latchd/backdoors.conf'));
  for (const name of ['a', 'b']) {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
    writeFileSync(join(root, `etc/latchd/root-${name}.json`), `${JSON.stringify(rsaJwk(publicKey))}\n`);
  }
  writeFileSync(join(root, 'sys/devices/soc0/serial_number'), 'abcd12345678\n');
  writeFileSync(join(root, 'run/imei'), '490154203237518\n');
  writeFileSync(join(root, 'etc/shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o600 });
  symlinkSync(at, join(root, 'dev/ttyGS0'));
  // A file in the place of the kernel's log, which is root's alone.
  writeFileSync(join(root, 'dev/kmsg'), '');
}

test('busybox init starts latchd by the shipped line and configuration, and again whenever it is killed', async () => {
  await answered();
  for (let times = 0; times < 2; times += 1) {
    const pid = latchd();
    assert.ok(pid !== undefined, 'latchd does not run');
    process.kill(pid, 'SIGKILL');
    await answered(pid);
    assert.notEqual(latchd(), pid);
  }
});

/** Asks until latchd, and not the one that was killed, has said that it is locked; for 30 s at most. */
async function answered(killed?: number): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < 30_000) {
    heard = '';
    if (latchd() !== killed) port?.write(Buffer.from('AT+QLATCH?\r'));
    await new Promise((done) => setTimeout(done, 100));
    if (CALLED.test(heard)) return;
    if (init?.exitCode !== null)
      throw new Error(
        `this kernel, or this user, may not make the namespaces that the image runs in: run as root (${said.trim()})`,
      );
  }
  const complaint = readFileSync(join(root, 'dev/kmsg'), 'utf8').trim();
  throw new Error(`latchd does not answer in the image: ${complaint} (${said.trim()})`);
}

/** The process that runs in this image; undefined for none. */
function latchd(): number | undefined {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      const [program] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return program === '/usr/sbin/latchd' && readlinkSync(`/proc/${pid}/root`).endsWith(root);
    } catch {
      return false;
    }
  });
}
