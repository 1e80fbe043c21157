import assert from 'node:assert/strict';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Bench } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import { buildLatchd } from './latchd.ts';

// In a mount namespace of its own, since the session takes /proc away.
const mapped = process.getuid?.() === 0 ? '' : '--map-root-user ';
process.env['LATCHD'] = `unshare --mount ${mapped}${buildLatchd().join(' ')}`;
const { Agent, removeAgents } = await import('../agent.ts');

after(removeAgents);

/** Takes /proc away, and puts there what never was: what is no process, and a child each of keeper and agent. */
const hide = `
agent=$(sed -n 's/^PPid:.//p' /proc/$PPID/status)
mount -t tmpfs none /proc
show() { mkdir /proc/$1; printf "$2" > /proc/$1/stat; }
mkdir /proc/${'1'.repeat(60)} /proc/5 /proc/6 /proc/6/stat
show 7 ''; show 8 nonsense; show 9 "$(printf %511s ')')"
show 4194303 "4194303 (sh) S $PPID 1"; show 4194302 "4194302 (sh) S $agent 1"`;

test('who hides its processes from /proc does not keep them (section 6.1)', { timeout: 60_000 }, async () => {
  const issuer = await testIssuer();
  const agent = new Agent({ roots: issuer.firmware });
  const [service, ready, never] = ['service', 'ready', 'never'].map((name) => agent.home.path(name));
  assert.ok(service !== undefined && ready !== undefined);
  writeFileSync(service, `#!/bin/sh\n${hide}\n: > ${ready}\nread -r end < ${never}\n`);
  chmodSync(service, 0o755);
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge()));
  while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 20));
  await bench.ask({ verb: 'lock' });
  assert.equal(agent.running(), undefined);
});
