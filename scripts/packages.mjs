// Makes sure that the system packages a task needs are there: installs them when root on Debian,
// otherwise names them with the command that installs them.
//   node scripts/packages.mjs test|demo|bench|agent
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What building module/agent takes: a file that the package brings → the Debian package. */
const agent = {
  '/usr/bin/gcc': 'gcc',
  '/usr/bin/make': 'make',
  '/usr/include/mbedtls/pk.h': 'libmbedtls-dev',
  '/usr/include/stdio.h': 'libc6-dev',
};

/** And what building it for modules, fuzzing and measuring it take. */
const cross = {
  '/usr/arm-linux-gnueabihf/lib/libc.a': 'libc6-dev-armhf-cross',
  '/usr/bin/arm-linux-gnueabihf-gcc': 'gcc-arm-linux-gnueabihf',
  '/usr/bin/clang': 'clang',
  '/usr/bin/dpkg-source': 'dpkg-dev',
  '/usr/bin/llvm-cov': 'llvm',
  '/usr/bin/musl-gcc': 'musl-tools',
  '/usr/bin/qemu-arm': 'qemu-user',
  '/usr/bin/valgrind': 'valgrind',
  '/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-x86_64.a': 'libclang-rt-14-dev',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

/** The same for each task. */
const needs = {
  agent,
  demo: {},
  bench: {},
  test: {
    ...agent,
    ...cross,
    '/usr/bin/go': 'golang-go',
    '/usr/bin/jose': 'jose',
    '/usr/bin/nmap': 'nmap',
    '/usr/bin/busybox': 'busybox',
    '/usr/bin/strace': 'strace',
    '/usr/lib/python3/dist-packages/jwcrypto/jws.py': 'python3-jwcrypto',
    '/usr/sbin/hping3': 'hping3',
    '/usr/sbin/ip': 'iproute2',
    '/usr/sbin/nft': 'nftables',
    '/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go': 'golang-golang-x-mod-dev',
  },
};

const task = process.argv[2] ?? '';
const wanted = needs[task];
if (wanted === undefined) throw new Error(`usage: node scripts/packages.mjs ${Object.keys(needs).join('|')}`);

const missing = Object.entries(wanted)
  .filter(([file]) => !existsSync(file))
  .map(([, name]) => name);

if (missing.length > 0) {
  const install = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(
      `${task === 'agent' ? 'module/agent' : `npm run ${task}`} needs ${missing.join(', ')}. On Debian:\n  sudo apt-get update && sudo ${install}`,
    );
    process.exit(1);
  }
  console.error(`installing ${missing.join(', ')}`);
  const shell = spawnSync(
    'sh',
    ['-c', `apt-get update -qq && DEBIAN_FRONTEND=noninteractive ${install} -qq`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  if (shell.status !== 0) process.exit(shell.status ?? 1);
}
