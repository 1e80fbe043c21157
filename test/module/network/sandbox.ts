import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** `world` is the cellular side with two addresses, `host` the product's processor behind the module. */
export type Host = 'world' | 'module' | 'host';

export const WORLD = '198.51.100.1';
export const OTHER = '198.51.100.3';
export const MODULE = '198.51.100.2';
export const MODULE6 = '2001:db8::2';
export const BEHIND = '192.168.225.10';

/** The interfaces of the rules' defines are those of the module here. */
const topology = `
mount -t tmpfs tmpfs /run; mkdir /run/netns
for host in world module host; do ip netns add $host; ip -n $host link set lo up; done
ip -n module link add lte0 type veth peer name wan netns world
ip -n module link add usb0 type veth peer name eth0 netns host
ip -n world addr add ${WORLD}/24 dev wan
ip -n world addr add ${OTHER}/24 dev wan
ip -n world addr add 2001:db8::1/64 dev wan nodad
ip -n module addr add ${MODULE}/24 dev lte0
ip -n module addr add ${MODULE6}/64 dev lte0 nodad
ip -n module addr add 192.168.225.1/24 dev usb0
ip -n host addr add ${BEHIND}/24 dev eth0
ip -n world link set wan up
ip -n module link set lte0 up
ip -n module link set usb0 up
ip -n host link set eth0 up
ip -n module route add default via ${WORLD}
ip -n host route add default via 192.168.225.1
ip -n world route add 192.168.225.0/24 via ${MODULE}
ip netns exec module sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lte0.rp_filter=0
read pid rest </proc/self/stat; echo $pid
exec cat
`;

/**
 * Three hosts in network namespaces that nobody else sees. They are alive as long as the sandbox's first
 * process, which ends with its standard input: with this process, however that ends.
 */
export class Sandbox {
  readonly #first: ChildProcessWithoutNullStreams;
  readonly #enter: readonly string[];

  private constructor(first: ChildProcessWithoutNullStreams, pid: string, user: readonly string[]) {
    this.#first = first;
    this.#enter = ['--target', pid, ...user, '--mount', '--net', '--pid'];
  }

  /** @throws where the kernel does not let this user make namespaces */
  static async make(): Promise<Sandbox> {
    const root = process.getuid?.() === 0;
    const apart = ['--mount', '--net', '--pid', '--fork', '--kill-child'];
    const args = [...(root ? [] : ['--map-root-user']), ...apart, 'sh', '-ec', topology];
    const first = spawn('unshare', args, { stdio: 'pipe' });
    const said = text(first.stderr);
    const { value } = await lines(first.stdout).next();
    if (value !== undefined)
      return new Sandbox(first, value, root ? [] : ['--user', '--preserve-credentials']);
    throw new Error(
      `the kernel refuses network namespaces: run this test as root, on Linux with network namespaces and veth (${(await said).trim()})`,
    );
  }

  /** Runs a command on a host, 20 s at most. @returns everything that it said, whatever its exit code */
  run(host: Host, ...command: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'nsenter',
        this.#argv(host, command),
        { timeout: 20_000 },
        (error, stdout, stderr) => {
          if (error?.killed || error?.code === 'ENOENT') reject(error);
          else resolve(stdout + stderr);
        },
      );
      child.stdin?.end();
    });
  }

  /** Gives rules to nft on the module. @throws where nft or the kernel refuses them */
  async load(rules: string): Promise<void> {
    const nft = spawn('nsenter', this.#argv('module', ['nft', '-f', '-']), {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    nft.stdin.end(rules);
    const [said, [code]] = await Promise.all([text(nft.stderr), once(nft, 'close')]);
    if (code !== 0) throw new Error(`nft or the kernel refuses the rules: ${said}`);
  }

  /** Starts a program that goes on until the sandbox ends, and waits for its first line. */
  async start(host: Host, ...command: string[]): Promise<Talk> {
    const child = spawn('nsenter', this.#argv(host, command), { stdio: ['pipe', 'pipe', 'inherit'] });
    const talk = new Talk(child.stdin, lines(child.stdout));
    await talk.hear();
    return talk;
  }

  /** Ends everything in it. */
  async end(): Promise<void> {
    this.#first.stdin.end();
    if (this.#first.exitCode === null) await once(this.#first, 'close');
  }

  #argv(host: Host, command: readonly string[]): string[] {
    return [...this.#enter, 'ip', 'netns', 'exec', host, ...command];
  }
}

/** A line for a line with a program on a host. */
export class Talk {
  readonly #to: Writable;
  readonly #from: AsyncIterator<string>;

  constructor(to: Writable, from: AsyncIterator<string>) {
    this.#to = to;
    this.#from = from;
  }

  ask(line: string): Promise<string> {
    this.#to.write(`${line}\n`);
    return this.hear();
  }

  /** @throws where the program has ended */
  async hear(): Promise<string> {
    const { value, done } = await this.#from.next();
    if (done) throw new Error('the program on that host has ended');
    return value;
  }
}

function lines(output: Readable): AsyncIterator<string> {
  return createInterface({ input: output })[Symbol.asyncIterator]();
}
