import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModuleRefusal, PortError } from '../../../cli/port/fault.ts';
import { ModuleClient, type ModuleOptions } from '../../../cli/port/module.ts';
import { claimsOf } from '../../../cli/port/unverified.ts';
import { encodeBase64url } from '../../../protocol/base64url.ts';
import { type Signer, signMessage } from '../../../protocol/jws.ts';
import * as messages from '../../../protocol/messages.ts';
import { ScriptedPort, VirtualTimers } from './world.ts';

const HWID = 'QC-0001-ABCD';
const JTI = '01890a5d-ac96-774b-bcce-b302099a8057';
const b64 = (length: number) => encodeBase64url(new Uint8Array(length));

/** The client looks at no signature, so none is needed. */
function unsigned(alg: Signer['alg']): Signer {
  return { alg, kid: b64(32), sign: async () => new Uint8Array(alg === 'ES256' ? 64 : 384) };
}

function receipt(event: 'opened' | 'closed' | 'provisioned', jti = JTI): Promise<string> {
  const claims = { sub: HWID, jti, event, elapsed: 0, seq: 7, pwv: 1 };
  const more =
    event === 'closed' ? { why: 'lock' as const } : event === 'provisioned' ? { dig: b64(32) } : {};
  return signMessage(messages.receipt, { ...claims, ...more }, unsigned('ES256'));
}

const token = await signMessage(
  messages.unlockToken,
  {
    iss: 'latchkey.example',
    aud: messages.AUDIENCE,
    sub: HWID,
    nonce: b64(16),
    jti: JTI,
    iat: 1_790_000_000,
    exp: 1_790_000_600,
    scope: 'console',
    for: 900,
    by: 'alice',
  },
  unsigned('PS256'),
);
const bundle = await signMessage(
  messages.bundle,
  { iss: 'latchkey.example', aud: messages.AUDIENCE, jti: JTI },
  unsigned('PS256'),
);
const challengeClaims = {
  sub: HWID,
  nonce: b64(16),
  seq: 3,
  scope: 'console' as const,
  for: 900,
  keys: 3,
  pwv: 1,
  fw: 'test',
};
const challenge = await signMessage(messages.challenge, challengeClaims, unsigned('ES256'));
const opened = await receipt('opened');

/** What a module answers to a command, by what stands between the quotes; `undefined` is silence. */
type Script = Readonly<Record<string, (line: string) => readonly string[] | undefined>>;

async function connect(script: Script, options: ModuleOptions = {}) {
  const timers = new VirtualTimers();
  const state = script['state'] ?? (() => [`+QLATCH: "locked",0,"${HWID}",3`, 'OK']);
  const port = new ScriptedPort((line, end) => {
    const verb = /^AT\+QLATCH="(\w+)"/.exec(line)?.[1];
    const answer =
      line === 'AT' ? ['OK'] : verb === undefined ? state(line) : (script[verb]?.(line) ?? undefined);
    const byDefault = verb === 'data' && script[verb] === undefined ? ['OK'] : answer;
    end.arrive((byDefault ?? []).map((one) => `\r\n${one}\r\n`).join(''));
  });
  const module = await timers.finish(ModuleClient.connect(port, { timers, ...options }));
  return {
    timers,
    port,
    module,
    said: (verb: string) => port.written.filter((line) => line.includes(`"${verb}"`)),
  };
}

/** Gives one answer after the other; the last one again and again. */
function inTurn(...answers: readonly (readonly string[] | undefined)[]): () => readonly string[] | undefined {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)];
}

function cme(code: number): (error: unknown) => boolean {
  return (error) => error instanceof ModuleRefusal && error.cme === code;
}

function fault(code: PortError['code']): (error: unknown) => boolean {
  return (error) => error instanceof PortError && error.code === code;
}

test('connect says what it found', async () => {
  const { module } = await connect({});
  assert.deepEqual(module.found, { state: 'locked', remaining: 0, hwid: HWID, manifest: 3 });
});

test('a module that has said who it is cannot say later that it is another', async () => {
  const line = `+QLATCH: "identity","QC-0002-ABCD","490154203237518","${b64(32)}","${b64(32)}"`;
  const { module, timers } = await connect({ identity: () => [line, 'OK'] });
  await assert.rejects(timers.finish(module.identity()), /QC-0001-ABCD.*QC-0002-ABCD/);
});

test('identity gives the device key as a JWK, also at the second attempt', async () => {
  const line = `+QLATCH: "identity","${HWID}","490154203237518","${b64(32)}","${b64(32)}"`;
  const { module, timers } = await connect({ identity: inTurn(undefined, [line, 'OK']) });
  assert.deepEqual(await timers.finish(module.identity()), {
    hwid: HWID,
    imei: '490154203237518',
    key: { kty: 'EC', crv: 'P-256', x: b64(32), y: b64(32) },
  });
});

test('a challenge is asked for again after two seconds where the module says 908, once', async () => {
  const busy = ['+CME ERROR: 908'];
  const one = await connect({ challenge: inTurn(busy, [`+QLATCH: "challenge","${challenge}"`, 'OK']) });
  const before = one.timers.now;
  assert.equal(await one.timers.finish(one.module.challenge('console', 900)), challenge);
  assert.equal(one.timers.now - before, 2000);
  const two = await connect({ challenge: inTurn(busy) });
  await assert.rejects(two.timers.finish(two.module.challenge('console', 900)), cme(908));
  assert.equal(two.said('challenge').length, 2);
});

test('another refusal of a challenge is not asked again', async () => {
  const { module, timers, said } = await connect({ challenge: inTurn(['+CME ERROR: 911']) });
  await assert.rejects(timers.finish(module.challenge('console', 900)), cme(911));
  assert.equal(said('challenge').length, 1);
});

test('a challenge that is not what was asked for was damaged on the way', async () => {
  const forged = async (claims: Partial<messages.Challenge>) =>
    signMessage(messages.challenge, { ...challengeClaims, ...claims }, unsigned('ES256'));
  const damaged = [
    challenge.replace('eyJzdWIi', 'eyJzdWIj'),
    await forged({ sub: 'QC-0001-ABCE' }),
    await forged({ scope: 'ssh' }),
    await forged({ for: 901 }),
  ];
  for (const jws of damaged) {
    const good = [`+QLATCH: "challenge","${challenge}"`, 'OK'];
    const one = await connect({ challenge: inTurn([`+QLATCH: "challenge","${jws}"`, 'OK'], good) });
    assert.equal(await one.timers.finish(one.module.challenge('console', 900)), challenge);
    const two = await connect({ challenge: inTurn([`+QLATCH: "challenge","${jws}"`, 'OK']) });
    await assert.rejects(two.timers.finish(two.module.challenge('console', 900)), fault('module-garbled'));
  }
});

test('a token goes over in pieces of 256 at their offsets, and opens', async () => {
  const progress: number[] = [];
  const { module, timers, said } = await connect(
    { unlock: () => [`+QLATCH: "open","console",600,"${opened}"`, 'OK'] },
    { progress: (done, total) => progress.push(done / total) },
  );
  assert.deepEqual(await timers.finish(module.unlock(token)), {
    scope: 'console',
    for: 600,
    receipt: opened,
  });
  const pieces = said('data').map((line) => /^AT\+QLATCH="data",(\d+),"([^"]{1,256})"$/.exec(line) ?? []);
  assert.equal(pieces.map(([, , piece]) => piece).join(''), token);
  assert.deepEqual(
    pieces.map(([, offset]) => Number(offset)),
    pieces.map((_, index) => index * 256),
  );
  assert.equal(progress.length, pieces.length);
  assert.equal(progress.at(-1), 1);
});

test('a piece whose answer does not come is sent again at its own offset, three times in all', async () => {
  const answers = inTurn(['OK'], undefined, undefined, ['OK']);
  const { module, timers, said } = await connect({ data: answers, unlock: inTurn(['+CME ERROR: 904']) });
  await assert.rejects(timers.finish(module.unlock(token)), cme(904));
  const offsets = said('data').map((line) => /,(\d+),/.exec(line)?.[1]);
  assert.deepEqual(offsets.slice(0, 5), ['0', '256', '256', '256', '512']);
  const dead = await connect({ data: inTurn(['OK'], undefined) });
  await assert.rejects(dead.timers.finish(dead.module.unlock(token)), fault('module-silent'));
  assert.equal(dead.said('data').length, 4);
});

test('after 912 the message starts anew, twice at most', async () => {
  const gap = ['+CME ERROR: 912'];
  const one = await connect({
    data: inTurn(['OK'], gap, ['OK']),
    unlock: () => [`+QLATCH: "open","console",600,"${opened}"`, 'OK'],
  });
  await one.timers.finish(one.module.unlock(token));
  const offsets = one.said('data').map((line) => /,(\d+),/.exec(line)?.[1]);
  assert.deepEqual(offsets.slice(0, 4), ['0', '256', '0', '256']);
  const two = await connect({ data: inTurn(gap) });
  await assert.rejects(two.timers.finish(two.module.unlock(token)), cme(912));
  assert.equal(two.said('data').length, 3);
});

const open = () => [`+QLATCH: "open",512,"${HWID}",3`, 'OK'];

for (const [what, answer] of Object.entries({
  'does not come': undefined,
  'makes no sense': ['+QLATCH: "open","cons', 'OK'],
  'has a damaged receipt': [`+QLATCH: "open","console",600,"${opened.slice(2)}"`, 'OK'],
})) {
  test(`where the answer to a token ${what}, its receipt and the state say whether it opened`, async () => {
    const kept = [
      `+QLATCH: "receipt","${await receipt('closed')}"`,
      `+QLATCH: "receipt","${opened}"`,
      `+QLATCH: "receipt","${await receipt('opened', JTI.replace('01', '02'))}"`,
      'OK',
    ];
    const taken = await connect({ unlock: inTurn(answer), receipts: () => kept, state: open });
    assert.deepEqual(await taken.timers.finish(taken.module.unlock(token)), {
      scope: 'console',
      for: 512,
      receipt: opened,
    });
    assert.equal(taken.said('unlock').length, 1, 'a token is never handed over twice');
    const code = answer === undefined ? 'module-silent' : 'module-garbled';
    const lost = await connect({ unlock: inTurn(answer), receipts: () => ['OK'], state: open });
    await assert.rejects(lost.timers.finish(lost.module.unlock(token)), fault(code));
    const shut = await connect({ unlock: inTurn(answer), receipts: () => kept });
    await assert.rejects(shut.timers.finish(shut.module.unlock(token)), fault(code));
  });
}

test('what is not a token is handed over all the same, for the module to refuse', async () => {
  const { module, timers } = await connect({ unlock: inTurn(['+CME ERROR: 901']) });
  await assert.rejects(timers.finish(module.unlock('a.b.c')), cme(901));
  const silent = await connect({ unlock: inTurn(undefined) });
  await assert.rejects(silent.timers.finish(silent.module.unlock('a.b.c')), fault('module-silent'));
});

test('a manifest is handed over again where no answer came; OK alone means held already', async () => {
  const one = await connect({ keys: inTurn(undefined, ['+QLATCH: "keys",4', 'OK']) });
  assert.equal(await one.timers.finish(one.module.keys('a.b.c')), 4);
  assert.equal(one.said('data').length, 2);
  const two = await connect({ keys: () => ['OK'] });
  assert.equal(await two.timers.finish(two.module.keys('a.b.c')), 3);
});

test('a bundle gives its receipt, also where it was taken before', async () => {
  const provisioned = await receipt('provisioned');
  const kept = () => [`+QLATCH: "receipt","${provisioned}"`, 'OK'];
  const one = await connect({ provision: () => [`+QLATCH: "provisioned","${provisioned}"`, 'OK'] });
  assert.equal(await one.timers.finish(one.module.provision(bundle)), provisioned);
  for (const answer of [undefined, ['+CME ERROR: 909'], [`+QLATCH: "provisioned","${opened}"`, 'OK']]) {
    const again = await connect({ provision: inTurn(answer), receipts: kept });
    assert.equal(await again.timers.finish(again.module.provision(bundle)), provisioned);
  }
  const other = await connect({ provision: inTurn(['+CME ERROR: 909']), receipts: () => ['OK'] });
  await assert.rejects(other.timers.finish(other.module.provision(bundle)), cme(909));
  const refused = await connect({ provision: inTurn(['+CME ERROR: 902']), receipts: kept });
  await assert.rejects(refused.timers.finish(refused.module.provision(bundle)), cme(902));
  const nonsense = await connect({ provision: inTurn(undefined), receipts: kept });
  await assert.rejects(nonsense.timers.finish(nonsense.module.provision('a.b.c')), fault('module-silent'));
});

test('lock gives its receipt, and none where the module was locked already', async () => {
  const closed = await receipt('closed');
  const one = await connect({ lock: () => [`+QLATCH: "locked","${closed}"`, 'OK'] });
  assert.equal(await one.timers.finish(one.module.lock()), closed);
  const two = await connect({ lock: inTurn(undefined, ['OK']) });
  assert.equal(await two.timers.finish(two.module.lock()), undefined);
});

test('receipts are asked for above a seq, and again where one was damaged', async () => {
  const good = [`+QLATCH: "receipt","${opened}"`, 'OK'];
  const { module, timers, said } = await connect({
    receipts: inTurn([`+QLATCH: "receipt","${opened.slice(1)}"`, 'OK'], good),
  });
  assert.deepEqual(await timers.finish(module.receipts(41)), [opened]);
  assert.deepEqual(
    said('receipts'),
    Array.from({ length: 2 }, () => 'AT+QLATCH="receipts",41'),
  );
});

test('status is asked for anew', async () => {
  const { module, timers } = await connect({
    state: inTurn([`+QLATCH: "locked",0,"${HWID}",3`, 'OK'], open()),
  });
  assert.equal((await timers.finish(module.status())).state, 'open');
});

test('claimsOf passes on what is a fault of ours', () => {
  assert.equal(claimsOf(messages.receipt, 'nonsense'), undefined);
  const broken = {
    ...messages.receipt,
    get most(): number {
      throw new TypeError('ours');
    },
  };
  assert.throws(() => claimsOf(broken, opened), /ours/);
});
