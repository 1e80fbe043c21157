// Makes sure that the system packages a task needs are there: installs them when root on Debian,
// otherwise names them with the command that installs them.
//   node scripts/packages.mjs test|demo|bench|agent
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What building module/agent takes: a file that the package brings → the Debian package. */
const agent = {
  '/usr/bin/gcc': 'gcc',
  '/usr/bin/make': 'make',
  '/usr/include/mbedtls/pk.h': 'libmbedtls-dev',
  '/usr/include/stdio.h': 'libc6-dev',
};

/** And what building it for modules, fuzzing and measuring it take. The version stands in a path of clang's. */
const cross = {
  '/usr/arm-linux-gnueabihf/lib/libc.a': 'libc6-dev-armhf-cross',
  '/usr/bin/arm-linux-gnueabihf-gcc': 'gcc-arm-linux-gnueabihf',
  '/usr/bin/clang': 'clang',
  '/usr/bin/dpkg-source': 'dpkg-dev',
  '/usr/bin/llvm-cov': 'llvm',
  '/usr/bin/musl-gcc': 'musl-tools',
  '/usr/bin/qemu-arm': 'qemu-user',
  '/usr/bin/valgrind': 'valgrind',
  '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a': 'libclang-rt-dev',
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
  .filter(([file]) => !present(file))
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

/** Whether a file is there; a `*` stands for whatever is in its place of one name. */
function present(pattern) {
  let found = ['/'];
  for (const name of pattern.split('/').slice(1)) {
    const [before, after] = name.split('*');
    found = found.flatMap((dir) => {
      if (after === undefined) return existsSync(join(dir, name)) ? [join(dir, name)] : [];
      return readdirSync(dir)
        .filter((entry) => entry.startsWith(before) && entry.endsWith(after))
        .map((entry) => join(dir, entry));
    });
  }
  return found.length > 0;
}
