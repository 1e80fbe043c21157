import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { decodePayload, openEnvelope } from '../../../protocol/jws.ts';
import { unlockToken } from '../../../protocol/messages.ts';
import { Problem } from '../../../protocol/problems.ts';
import { cancelUnlock } from '../../../server/decisions/cancel.ts';
import { lookAtUnlock } from '../../../server/decisions/look.ts';
import { takeReceipts } from '../../../server/decisions/receive.ts';
import { revealPassword } from '../../../server/decisions/reveal.ts';
import { clear, resume, suspend, tend } from '../../../server/decisions/tend.ts';
import { issueToken } from '../../../server/decisions/token.ts';
import type { Device } from '../../fixture/device.ts';
import { startScene } from '../../fixture/scene.ts';
import { provisioned, requested } from '../../fixture/unlocks.ts';
import { Model, type ModelChallenge, type ModelReceipt } from './model.ts';

const { server, services, alice, station, olga } = await startScene();
// stop() asserts that `check` agrees: the events of all these histories make the tables.
after(() => server.stop());

const FOREIGN = '01900000-0000-7000-8000-00000000f00d';

/** A module, its server, and what the model says of both. */
class History {
  readonly #device: Device;
  readonly #model = new Model();
  readonly #ids: string[] = [];
  readonly #challenges: { readonly jws: string; readonly says: ModelChallenge }[] = [];
  readonly #receipts: { readonly jws: string; readonly says: ModelReceipt }[] = [];
  /** What the module would do with: the newest token of each unlock. */
  readonly #tokens = new Map<string, number | undefined>();

  constructor(device: Device) {
    this.#device = device;
  }

  async step([verb, which, size]: Step): Promise<void> {
    const id = this.#ids[which % Math.max(1, this.#ids.length)];
    if (verb === 'request') return this.#request(size);
    if (verb === 'advance') return server.clock.advance([60, 300, 700, 3600][size % 4] ?? 0) as undefined;
    // Seldom: nothing else happens until it is undone.
    if ((verb === 'suspend' || verb === 'leak') && size > 3) return undefined;
    if (verb === 'suspend' || verb === 'resume' || verb === 'clear') return this.#tend(verb);
    if (verb === 'leak') this.#device.last = FOREIGN;
    if (verb === 'challenge' || verb === 'leak') return this.#challenge(size);
    if (verb === 'upload') return this.#upload(which);
    if (id === undefined) return undefined;
    return this[`_${verb}`](id, size);
  }

  /** Every unlock is as the model has it. */
  async finish(): Promise<void> {
    for (const id of this.#ids) {
      const { state } = await lookAtUnlock(
        services,
        alice,
        id,
        { wait: 0 },
        () => new AbortController().signal,
      );
      assert.equal(state, this.#model.stateOf(id, now()), `unlock ${this.#ids.indexOf(id)}`);
    }
  }

  async #request(size: number): Promise<void> {
    const seconds = [60, 900, 1800][size % 3] ?? 60;
    const { obstacle } = this.#model;
    const created = now();
    const outcome = await outcomeOf(() => requested(services, alice, this.#device, { seconds }));
    if (obstacle !== undefined) return assert.equal(outcome, obstacle);
    this.#ids.push(outcome);
    this.#model.request(outcome, seconds, created + services.config.unlockDeadline);
  }

  async #challenge(size: number): Promise<void> {
    const { last, pwv } = this.#device;
    const seconds = [900, 120][size % 2] ?? 900;
    const jws = await this.#device.challenge({ for: seconds });
    this.#challenges.push({ jws, says: { seq: this.#device.seq, for: seconds, pwv, last } });
  }

  async #tend(verb: 'suspend' | 'resume' | 'clear'): Promise<void> {
    await tend(services, olga, this.#device.hwid, { suspend, resume, clear }[verb], 'as the history has it');
    if (verb === 'clear') this.#model.clear();
    else this.#model.suspend(verb === 'suspend');
  }

  async #upload(which: number): Promise<void> {
    const receipt = this.#receipts[which % Math.max(1, this.#receipts.length)];
    if (receipt === undefined) return;
    const { results } = await takeReceipts(services, alice, [receipt.jws]);
    assert.notEqual(results[0]?.status, 'refused');
    this.#model.receive(receipt.says);
  }

  async _token(id: string, size: number): Promise<void> {
    // Mostly a fresh challenge, as clients have it; sometimes the newest again, or an older one.
    if (size % 6 < 4) await this.#challenge(size);
    const challenge = this.#challenges.at(size % 6 === 5 ? -2 : -1) ?? this.#challenges.at(-1);
    if (challenge === undefined) return;
    const expected = this.#model.token(id, challenge.says, now());
    const outcome = await outcomeOf(async () => (await issueToken(services, alice, id, challenge.jws)).token);
    if (typeof expected === 'string') return assert.equal(outcome, expected);
    const claims = decodePayload(unlockToken, openEnvelope(unlockToken, outcome).payload);
    assert.equal(claims.pw?.ver, expected.ver);
    this.#tokens.set(id, claims.pw?.ver);
  }

  async _cancel(id: string): Promise<void> {
    const expected = this.#model.cancel(id, now());
    const outcome = await outcomeOf(async () => (await cancelUnlock(services, alice, id)).unlock.state);
    assert.equal(outcome, expected);
  }

  async _reveal(id: string): Promise<void> {
    const expected = this.#model.reveal(id, now());
    const outcome = await outcomeOf(async () => String((await revealPassword(services, alice, id)).ver));
    assert.equal(outcome, String(expected));
  }

  /** The module accepts the newest token, if it is for the newest challenge: any later one kills the nonce. */
  async _accept(id: string): Promise<void> {
    const newest = this.#model.unlocks.get(id)?.tokens.at(-1);
    if (newest === undefined || newest.challenge !== this.#challenges.at(-1)?.says) return;
    if (this.#device.seq !== newest.challenge.seq) return;
    this.#device.last = id;
    this.#device.pwv = newest.ver ?? this.#device.pwv;
    await this.#receipt('opened', id);
  }

  async _close(id: string): Promise<void> {
    if (this.#device.last === id) await this.#receipt('closed', id);
  }

  async _refuse(id: string): Promise<void> {
    if (this.#tokens.has(id) && this.#device.last !== id) await this.#receipt('refused', id);
  }

  async #receipt(event: ModelReceipt['event'], unlock: string): Promise<void> {
    const jws = await this.#device.receipt(event, unlock);
    this.#receipts.push({ jws, says: { unlock, event, seq: this.#device.seq, pwv: this.#device.pwv } });
  }
}

/** What a call gave, or the code of its refusal. */
async function outcomeOf(call: () => Promise<string>): Promise<string> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

function now(): number {
  return server.clock.now().getTime() / 1000;
}

/** As often as they stand here. */
const verbs = [
  ...[
    'request',
    'request',
    'request',
    'challenge',
    'cancel',
    'advance',
    'advance',
    'suspend',
    'resume',
    'resume',
  ],
  ...[
    'token',
    'token',
    'token',
    'token',
    'token',
    'token',
    'token',
    'token',
    'reveal',
    'reveal',
    'reveal',
    'leak',
  ],
  ...[
    'accept',
    'accept',
    'accept',
    'accept',
    'close',
    'close',
    'refuse',
    'upload',
    'upload',
    'upload',
    'clear',
    'clear',
  ],
] as const;
type Verb = (typeof verbs)[number];
type Step = readonly [verb: Verb, which: number, size: number];

const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...verbs), fc.nat(3), fc.nat(11));

test('whatever the history, every answer and every state is the model’s, and `check` agrees (DESIGN §6)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (steps) => {
      const history = new History(await provisioned(services, station));
      for (const one of steps) await history.step(one);
      await history.finish();
    }),
    { numRuns: 100 },
  );
});
