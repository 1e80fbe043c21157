import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Engine } from '../../module/simulator/engine.ts';
import type { Parts } from '../../module/simulator/latch.ts';
import type { State } from '../../module/simulator/store.ts';
import type { LatchAnswer } from '../../protocol/at/answer.ts';
import { type Command, dataCommands } from '../../protocol/at/command.ts';
import type { Challenge, Receipt } from '../../protocol/messages.ts';
import { ManualClock } from './clock.ts';
import { newJti, someHash, testIssuer } from './issuer.ts';
import { TestService, TestStore } from './simulated.ts';

const issuer = await testIssuer();
const manifest = await issuer.manifest({ ver: 1 });
const bundle = await issuer.bundle();

/** The power goes at write number `at`: just before it, or when it is done but nobody has been told. */
class FailingStore extends TestStore {
  writes = 0;
  at = Number.POSITIVE_INFINITY;
  done = false;
  readonly trace: string[] = [];

  override save(state: State): void {
    this.#write(`state${state.session === null ? '' : ` session ${state.session.jti === state.last}`}`, () =>
      super.save(state),
    );
  }

  override savePassword(hash: string): void {
    this.#write('password', () => super.savePassword(hash));
  }

  #write(what: string, write: () => void): void {
    this.writes += 1;
    if (this.writes > this.at || (this.writes === this.at && !this.done)) throw new Error('no power');
    write();
    this.trace.push(what);
    if (this.writes === this.at) throw new Error('no power');
  }
}

class TracingService extends TestService {
  readonly #trace: string[];

  constructor(trace: string[]) {
    super();
    this.#trace = trace;
  }

  override async start(...[scope, ended]: Parameters<TestService['start']>): Promise<void> {
    this.#trace.push(`start ${scope}`);
    return super.start(scope, ended);
  }
}

/** A module on `store`; what it says goes to `said`. */
async function boot(store: FailingStore, said: LatchAnswer[]) {
  const clock = new ManualClock();
  const parts: Parts = {
    hwid: 'LTE4-00A1B2C3D4E5',
    imei: '490154203237518',
    firmware: 'test 1',
    roots: issuer.firmware,
    store,
    service: new TracingService(store.trace),
    clock,
    random: randomBytes,
    indicate: () => {},
  };
  const engine = await Engine.boot(parts);
  const ask = async (command: Command) => {
    const answers = await engine.execute(command);
    said.push(...answers);
    return answers;
  };
  const give = async (verb: 'unlock' | 'keys' | 'provision', message: string) => {
    for (const command of dataCommands(message)) await ask(command);
    await ask({ verb });
  };
  const asked = async () => {
    clock.advance(2000);
    const [answer] = await ask({ verb: 'challenge', scope: 'console', for: 60 });
    assert.ok(answer?.kind === 'challenge');
    return payload<Challenge>(answer.jws);
  };
  return { ask, give, asked };
}

/** From new to locked again, with a password on the way. */
async function scenario(store: FailingStore, jti: string, said: LatchAnswer[]): Promise<void> {
  const { ask, give, asked } = await boot(store, said);
  await give('keys', manifest);
  await give('provision', bundle);
  const pw = { ver: 1, hash: someHash('one') };
  await give('unlock', await issuer.token(await asked(), { jti, pw }));
  await ask({ verb: 'lock' });
  await ask({ verb: 'receipts', after: 0 });
}

test('accepted means: last, pw and session in one write; then the password file; then the service (section 4)', async () => {
  const store = new FailingStore();
  await scenario(store, newJti(), []);
  const start = store.trace.indexOf('start console');
  assert.deepEqual(store.trace.slice(start - 2), [
    'state session true',
    'password',
    'start console',
    'state session true',
    'state',
  ]);
});

test('a token without pw does not write the password file again', async () => {
  const store = new FailingStore();
  await scenario(store, newJti(), []);
  const { give, asked } = await boot(store, []);
  await give('unlock', await issuer.token(await asked()));
  assert.equal(store.trace.filter((what) => what === 'password').length, 1);
});

test('wherever the power goes, the module comes back locked, whole, and never repeats itself (section 4)', async () => {
  const whole = new FailingStore();
  await scenario(whole, newJti(), []);
  assert.ok(whole.writes >= 8);
  for (let at = 1; at <= whole.writes; at++) {
    for (const done of [false, true]) await cut(at, done);
  }
});

async function cut(at: number, done: boolean): Promise<void> {
  const where = `cut ${done ? 'after' : 'before'} write ${at}`;
  const store = Object.assign(new FailingStore(), { at, done });
  const jti = newJti();
  const said: LatchAnswer[] = [];
  await scenario(store, jti, said).catch(() => {});
  const before = store.load();
  store.at = Number.POSITIVE_INFINITY;

  const { ask, give, asked } = await boot(store, said);
  const [state] = await ask({ verb: 'state' });
  assert.ok(state?.kind === 'state' && state.state !== 'open', where);
  const after = store.load();
  assert.equal(after?.session, null, where);
  assert.equal(store.password, after?.pw?.hash, `${where}: the password file is finished`);

  const receipts = (await ask({ verb: 'receipts', after: 0 })).map(claims);
  const reboots = receipts.filter(({ why }) => why === 'reboot');
  assert.equal(reboots.length, before?.session ? 1 : 0, `${where}: what was open is closed`);
  const opened = said.some((answer) => answer.kind === 'open');
  if (opened) {
    assert.equal(after?.last, jti, where);
    const ends = receipts.filter(({ jti: of, event }) => of === jti && event === 'closed');
    assert.equal(ends.length, 1, `${where}: a session that was answered for ends once`);
  }

  if (state.manifest === 0) await give('keys', manifest);
  if (state.state === 'unprovisioned') await give('provision', bundle);
  await give('unlock', await issuer.token(await asked()));
  await ask({ verb: 'lock' });
  const numbers = new Map<number, string>();
  for (const { seq, jws } of said.flatMap(numbered)) {
    assert.equal(numbers.get(seq) ?? jws, jws, `${where}: seq ${seq} stands for one message`);
    numbers.set(seq, jws);
  }
}

function numbered(answer: LatchAnswer): { seq: number; jws: string }[] {
  const jws = 'jws' in answer ? answer.jws : 'receipt' in answer ? answer.receipt : undefined;
  return jws === undefined ? [] : [{ seq: payload<Receipt>(jws).seq, jws }];
}

function claims(answer: LatchAnswer): Receipt {
  assert.ok(answer.kind === 'receipt');
  return payload<Receipt>(answer.jws);
}

function payload<T>(jws: string): T {
  return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as T;
}
