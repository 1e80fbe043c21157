import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, test } from 'node:test';
import { Agent, removeAgents } from '../agent.ts';
import { Bench } from '../bench.ts';
import { newJti, someHash, testIssuer } from '../issuer.ts';
import { OTHERS } from './home.ts';
import { Ended } from './latchd.ts';

afterEach(removeAgents);

const issuer = await testIssuer();
const HWID = 'LTE4-00A1B2C3D4E5';

/** A module that is open, with the password of version 1 in force. */
async function opened(hwid = HWID): Promise<{ agent: Agent; bench: Bench }> {
  const agent = new Agent({ roots: issuer.firmware, hwid });
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  const { dkt } = await bench.identity();
  await bench.give(
    'provision',
    await issuer.bundle({ sub: hwid, dkt, pw: { ver: 1, hash: someHash('one') } }),
  );
  await bench.give('unlock', await issuer.token(await bench.challenge()));
  return { agent, bench };
}

test('a store that was copied to another module does not open there, and does at home (DESIGN section 4)', async () => {
  const { agent, bench } = await opened();
  const { dkt } = await bench.identity();
  const other = new Agent({ roots: issuer.firmware, hwid: 'LTE4-00A1B2C3D4E6' });
  cpSync(agent.home.path('store'), other.home.path('store'), { recursive: true });
  await assert.rejects(other.boot(), (error) => error instanceof Ended && error.end.code === 1);
  const twin = new Agent({ roots: issuer.firmware, hwid: HWID });
  cpSync(agent.home.path('store'), twin.home.path('store'), { recursive: true });
  await twin.boot();
  assert.equal((await (await Bench.open(async () => twin)).identity()).dkt, dkt);
});

test('a store with one bit turned is refused, wherever the bit is', async () => {
  const { agent } = await opened();
  await agent.kill();
  agent.home.endServices('SIGKILL');
  const [name = ''] = readdirSync(agent.home.path('store'));
  const file = `${agent.home.path('store')}/${name}`;
  const whole = readFileSync(file);
  for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 24)) {
    const spoilt = Buffer.from(whole);
    spoilt[at] = (spoilt[at] ?? 0) ^ 1;
    writeFileSync(file, spoilt);
    await assert.rejects(
      agent.boot(),
      (error) => error instanceof Ended && error.end.code === 1,
      `byte ${at}`,
    );
    assert.deepEqual(readFileSync(file), spoilt, 'it is left as it is');
  }
  for (const length of [0, 1, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length));
    await assert.rejects(
      agent.boot(),
      (error) => error instanceof Ended && error.end.code === 1,
      `cut to ${length}`,
    );
  }
  writeFileSync(file, whole);
  await agent.boot();
});

test('the store is its owner’s alone, and holds neither device key nor password hash in the clear', async () => {
  const { agent } = await opened();
  const store = agent.home.path('store');
  assert.equal(statSync(store).mode & 0o777, 0o700);
  for (const name of readdirSync(store)) {
    assert.equal(statSync(`${store}/${name}`).mode & 0o777, 0o600, name);
    assert.equal(readFileSync(`${store}/${name}`, 'latin1').includes('$6$'), false, name);
  }
});

test('a password changes its own line alone; owner and mode of the file stay', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  const file = agent.home.path('shadow');
  chmodSync(file, 0o640);
  const group = process.getuid?.() === 0 ? 42 : (process.getgid?.() ?? 0);
  chownSync(file, process.getuid?.() ?? 0, group);
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  for (const ver of [1, 2]) {
    const pw = { ver, hash: someHash(`number${ver}`) };
    await bench.give('unlock', await issuer.token(await bench.challenge(), { pw }));
    const line = `root:${pw.hash}:19000:0:99999:7:::\n`;
    assert.equal(readFileSync(file, 'utf8'), `${OTHERS.before}${line}${OTHERS.after}`);
    const { mode, gid, uid } = statSync(file);
    assert.deepEqual([mode & 0o777, gid, uid], [0o640, group, process.getuid?.()]);
    assert.deepEqual(
      readdirSync(agent.home.dir).filter((name) => name.includes('shadow')),
      ['shadow'],
    );
  }
});

test('a password file that lost the password gets it back at the next start (section 6.4)', async () => {
  const { agent } = await opened();
  await agent.kill();
  agent.home.endServices('SIGKILL');
  writeFileSync(agent.home.path('shadow'), `${OTHERS.before}root:*:19000:0:99999:7:::\n${OTHERS.after}`);
  await agent.boot();
  assert.equal(agent.passwordFile(), someHash('one'));
});

test('while no password is in force the login must fail, whatever the file said before (section 6.4)', async () => {
  for (const field of ['', '$6$saltsalt$somebodys', '*', '!']) {
    const agent = new Agent({ roots: issuer.firmware });
    writeFileSync(agent.home.path('shadow'), `${OTHERS.before}root:${field}:19000:0:99999:7:::\n`);
    await agent.boot();
    const locked = field.length === 1 ? field : '!';
    assert.equal(
      readFileSync(agent.home.path('shadow'), 'utf8'),
      `${OTHERS.before}root:${locked}:19000:0:99999:7:::\n`,
    );
  }
});

test('a user who has no line yet gets one, also behind a last line that does not end', async () => {
  const { agent, bench } = await opened();
  writeFileSync(agent.home.path('shadow'), OTHERS.before.trimEnd());
  const pw = { ver: 2, hash: someHash('two') };
  await bench.give('unlock', await issuer.token(await bench.challenge(), { pw }));
  assert.match(readFileSync(agent.home.path('shadow'), 'utf8'), /^daemon:.*\nroot:\$6\$[^:]*:[0-9:]*\n$/);
  assert.equal(agent.passwordFile(), pw.hash);
});

test('no two agents use one store', async () => {
  const { agent } = await opened();
  rmSync(agent.home.path('stopped'));
  await assert.rejects(agent.boot(), (error) => error instanceof Ended && error.end.code === 1);
  assert.equal(existsSync(agent.home.path('stopped')), false, 'what the first has open is not shut');
});

test('the seconds granted are counted though nobody asks: locked, and said unasked (section 5)', async () => {
  const { agent, bench } = await opened();
  agent.home.advance(900);
  agent.latchd.kill('SIGUSR1');
  assert.equal(await agent.latchd.indication(), '+QLATCHIND: "locked","timeout"');
  assert.equal(agent.running(), undefined);
  assert.equal((await bench.lastReceipt()).why, 'timeout');
});

test('lock ends every process of the session, those that will not listen too (section 6.1)', async () => {
  const agent = new Agent({ roots: issuer.firmware });
  agent.home.serveStubbornly();
  await agent.boot();
  const bench = await Bench.open(async () => agent);
  await bench.give('keys', await issuer.manifest({ ver: 1 }));
  await bench.give('provision', await issuer.bundle());
  await bench.give('unlock', await issuer.token(await bench.challenge(), { jti: newJti() }));
  while (agent.home.serving().length < 2) await new Promise((resolve) => setImmediate(resolve));
  await bench.ask({ verb: 'lock' });
  assert.equal(agent.home.serving().length, 0);
});

test('a token that was accepted and leads to nothing has its refused receipt once there is a number for it (section 5.3)', async () => {
  const { agent, bench } = await opened();
  await bench.ask({ verb: 'lock' });
  // `seq` is reserved in blocks of 256, and this is the last of one.
  let asked = await bench.challenge();
  while (asked.seq % 256 !== 0) asked = await bench.challenge();
  const jti = newJti();
  writeFileSync(agent.home.path('service'), `#!/bin/sh\n: > ${agent.home.path('fail')}\nexit 1\n`);
  await bench.refuse('unlock', await issuer.token(asked, { jti }), 913);
  assert.equal((await bench.lastReceipt()).event, 'closed');
  agent.fail('nothing');
  await bench.refuse('unlock', await issuer.token(await bench.challenge()), 913);
  const [owed] = await bench.receipts(asked.seq);
  assert.deepEqual([owed?.jti, owed?.event, owed?.why], [jti, 'refused', 'service']);
});
