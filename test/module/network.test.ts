import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { BEHIND, MODULE, MODULE6, OTHER, Sandbox, WORLD } from './network/sandbox.ts';

/**
 * The packet filter of docs/integration.md, between network namespaces. Each rule is shown twice: on a
 * module that has the filter, and on one that has none, where the same packets must get through.
 */

const file = resolve(import.meta.dirname, '../../../module/agent/nftables/latchkey-module.nft');
const settings = resolve(file, '../latchkey-module.sysctl');
const talker = join(import.meta.dirname, 'network/talker.js');
const PORT = '4433';
const FLOOD = ['-c', '1000', '-i', 'u500', '-q'];
/** The buckets of the rules: how many at once, and how many more a second. */
const BUCKET = { source: [10, 5], syn: [40, 20], ping: [10, 5], udp: [40, 20] } as const;

/** Counts what comes past the filter, to the module's own stack. */
const witness = `table inet witness {
  counter seen_syn { }
  counter seen_ping { }
  counter seen_udp { }
  counter seen_redirect { }
  counter seen_behind { }
  chain input {
    type filter hook input priority 100; policy accept
    tcp flags syn / syn,ack counter name seen_syn
    icmp type echo-request counter name seen_ping
    udp dport ${PORT} counter name seen_udp
    icmp type redirect counter name seen_redirect
    ip saddr ${BEHIND} counter name seen_behind
  }
}
`;

const made: Sandbox[] = [];
let bare: Sandbox;
let filtered: Sandbox;

before(async () => {
  bare = await startModule();
  filtered = await startModule();
  await filtered.load(rules());
});
after(() => Promise.all(made.map((net) => net.end())));

async function startModule(): Promise<Sandbox> {
  const net = await Sandbox.make();
  made.push(net);
  await net.load(witness);
  for (const host of ['world', 'module', 'host'] as const)
    await net.start(host, process.execPath, talker, 'serve', PORT);
  return net;
}

/** The shipped file, with this module's interfaces in its defines, and a port open to the outside. */
function rules(): string {
  const here = readFileSync(file, 'utf8')
    .replace(/^define outside = .*$/m, 'define outside = { lte0 }')
    .replace(/^define inside = .*$/m, 'define inside = { usb0 }');
  const open = ['tcp_outside', 'udp_outside'].map((set) => `add element inet latchkey ${set} { ${PORT} }\n`);
  return here + open.join('');
}

test('ports that nobody uses give no answer, over IPv4 and IPv6', async () => {
  const scan = ['-n', '-Pn', '-T4', '--max-retries', '0', '-p', '22,23,53,80,443,5555', '-oG', '-'];
  for (const [kind, address] of [
    [['-sS'], MODULE],
    [['-sU'], MODULE],
    [['-sT', '-6'], MODULE6],
  ] as const) {
    const look = (net: Sandbox) => net.run('world', 'nmap', ...kind, ...scan, address);
    assert.match(await look(bare), /closed/, 'without the filter they say that they are closed');
    const seen = await look(filtered);
    assert.match(seen, /filtered/);
    assert.doesNotMatch(seen, /\bclosed\b|\/open\//, seen);
  }
});

test('a port that is named answers, over IPv4 and IPv6', async () => {
  for (const address of [MODULE, MODULE6]) assert.equal(await echo(filtered, address), 'hello');
});

test('what the module itself begins is answered, and loopback is open', async () => {
  for (const address of [WORLD, '127.0.0.1', '::1']) {
    const talk = await filtered.start('module', process.execPath, talker, 'hold', address, PORT);
    assert.equal(await talk.ask('hello'), 'hello', address);
  }
});

test('a flood of SYNs from one source is limited: open connections and other sources go on', async () => {
  const flood = ['-S', '-p', PORT, ...FLOOD, MODULE];
  assert.ok((await passed(bare, 'syn', flood)) > 500);
  const most = bound(BUCKET.source);
  const others = 2;
  const count = await beside(filtered, () =>
    passed(filtered, 'syn', flood, async () => {
      assert.equal(await echo(filtered, MODULE, OTHER), 'hello', 'a new connection of another source');
    }),
  );
  assert.ok(count > 0 && count <= most() + others, `${count} of 1000 SYNs came through`);
});

test('a flood of SYNs from invented sources is limited: open connections go on', async () => {
  const flood = ['-S', '-p', PORT, '--rand-source', ...FLOOD, MODULE];
  assert.ok((await passed(bare, 'syn', flood)) > 500);
  await limited('syn', BUCKET.syn, flood);
});

test('a flood of pings is limited: a few are answered, open connections go on', async () => {
  const flood = ['--icmp', ...FLOOD, MODULE];
  assert.ok((await passed(bare, 'ping', flood)) > 500);
  await limited('ping', BUCKET.ping, flood);
});

test('a flood of datagrams to a port that is named is limited: open connections go on', async () => {
  const flood = ['--udp', '-p', PORT, ...FLOOD, MODULE];
  assert.ok((await passed(bare, 'udp', flood)) > 500);
  await limited('udp', BUCKET.udp, flood);
});

test('fragments are dropped before they are put together', async () => {
  const fragments = ['--icmp', '-f', '-d', '100', '-c', '2', '-i', 'u1000', MODULE];
  assert.equal(await passed(bare, 'ping', fragments), 2);
  assert.equal(await passed(filtered, 'ping', fragments), 0);
});

test('an ICMP redirect is dropped, though it quotes a packet of a connection that is open', async () => {
  const [from, quoting] = ['40000', ['--icmp-ipproto', '6', '--icmp-ipsrc', MODULE, '--icmp-ipdst', WORLD]];
  const packet = [...quoting, '--icmp-srcport', PORT, '--icmp-dstport', from];
  const redirect = ['--icmp', '-C', '5', '-K', '1', '--icmp-gw', OTHER, ...packet, '-c', '1', MODULE];
  for (const [net, count] of [
    [bare, 1],
    [filtered, 0],
  ] as const) {
    await net.start('world', process.execPath, talker, 'hold', MODULE, PORT, WORLD, from);
    assert.equal(await passed(net, 'redirect', redirect), count);
  }
});

test('a source that belongs behind another interface is dropped', async () => {
  const spoofed = ['--udp', '-p', PORT, '-a', BEHIND, '-c', '3', '-i', 'u1000', MODULE];
  assert.equal(await passed(bare, 'behind', spoofed), 3);
  assert.equal(await passed(filtered, 'behind', spoofed), 0);
});

test('the host behind the module reaches out, and nobody outside reaches it', async () => {
  const scan = ['nmap', '-n', '-Pn', '-sS', '--max-retries', '0', '-p', PORT, '-oG', '-', BEHIND];
  assert.match(await bare.run('world', ...scan), /open/);
  assert.match(await filtered.run('world', ...scan), /filtered/);
  const out = await filtered.start('host', process.execPath, talker, 'hold', WORLD, PORT);
  assert.equal(await out.ask('from the host'), 'from the host');
});

test('the kernel takes every line of the sysctl file', async () => {
  const said = await filtered.run('module', 'sysctl', '-p', settings);
  assert.match(said, /accept_redirects = 0/);
  assert.doesNotMatch(said, /sysctl:/, said);
});

/** On the filtered module some of a flood get through, and no more than the bucket holds. */
async function limited(counter: string, bucket: readonly [number, number], flood: readonly string[]) {
  const most = bound(bucket);
  const count = await beside(filtered, () => passed(filtered, counter, flood));
  assert.ok(count > 0 && count <= most() + 1, `${count} of 1000 came through`);
}

/** What a bucket lets through from now until the answer is asked for. */
function bound([burst, rate]: readonly [number, number]): () => number {
  const start = performance.now();
  return () => burst + (rate * (performance.now() - start)) / 1000;
}

/** Runs hping3 in the world. @returns by how many packets the witness's counter has risen */
async function passed(
  net: Sandbox,
  counter: string,
  packets: readonly string[],
  meanwhile?: () => Promise<void>,
): Promise<number> {
  const count = async () => {
    const said = await net.run('module', 'nft', 'list', 'counter', 'inet', 'witness', `seen_${counter}`);
    return Number(/packets (\d+)/.exec(said)?.[1]);
  };
  const before = await count();
  const [said] = await Promise.all([net.run('world', 'hping3', '-I', 'wan', ...packets), meanwhile?.()]);
  assert.match(said, /packets transmitted/);
  return (await count()) - before;
}

/** Does something while an open connection talks, and demands that every word come back within a second. */
async function beside<T>(net: Sandbox, deed: () => Promise<T>): Promise<T> {
  const open = await net.start('world', process.execPath, talker, 'hold', MODULE, PORT);
  let over = false;
  const doing = deed().finally(() => {
    over = true;
  });
  while (!over) {
    const asked = performance.now();
    assert.equal(await open.ask('still here'), 'still here');
    assert.ok(performance.now() - asked < 1000, 'the open connection stalled');
  }
  return doing;
}

/** One new connection from `source`, a word there and back. */
async function echo(net: Sandbox, address: string, source?: string): Promise<string> {
  const from = source === undefined ? [] : [source];
  const talk = await net.start('world', process.execPath, talker, 'hold', address, PORT, ...from);
  return talk.ask('hello');
}
