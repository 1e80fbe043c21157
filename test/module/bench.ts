import assert from 'node:assert/strict';
import { type LatchAnswer, parseAnswer } from '../../protocol/at/answer.ts';
import { type Command, dataCommands, formatCommand } from '../../protocol/at/command.ts';
import type { Cme } from '../../protocol/cme.ts';
import { keyObject, thumbprint } from '../../protocol/jwk.ts';
import { type KeyStore, verifyMessage } from '../../protocol/jws.ts';
import {
  type Certificate,
  type Challenge,
  type Csr,
  challenge,
  csr,
  type Receipt,
  receipt,
} from '../../protocol/messages.ts';
import { type Issuer, testIssuer } from './issuer.ts';
import type { MakeModule, ModuleUnderTest, Setup } from './under-test.ts';

/** What the whole suite has met, so that it can prove that it left nothing out. */
export const met = { cme: new Set<number>(), why: new Set<string>() };

/** What acts on the data. */
export type Given = 'unlock' | 'keys' | 'provision' | 'certificate';

export type AnswerOf<K extends LatchAnswer['kind']> = Extract<LatchAnswer, { readonly kind: K }>;

/** A module on the bench, and what an honest host does with it. Device keys that it has stated are believed. */
export class Bench {
  readonly module: ModuleUnderTest;
  readonly issuer: Issuer;
  readonly #deviceKeys = new Map<string, Parameters<typeof keyObject>[0]>();

  private constructor(module: ModuleUnderTest, issuer: Issuer) {
    this.module = module;
    this.issuer = issuer;
  }

  /** A new module. */
  static async open(make: MakeModule, setup: Partial<Setup> = {}): Promise<Bench> {
    const issuer = await testIssuer();
    const bench = new Bench(await make({ roots: issuer.firmware, ...setup }), issuer);
    await bench.identity();
    return bench;
  }

  /** A module with manifest 1 and an offline bundle, so with no password. */
  static async provisioned(make: MakeModule, setup: Partial<Setup> = {}): Promise<Bench> {
    const bench = await Bench.open(make, setup);
    await bench.give('keys', await bench.issuer.manifest({ ver: 1 }));
    await bench.give('provision', await bench.issuer.bundle());
    return bench;
  }

  /** A module opened for 900 s, unless told otherwise, and the claims of its challenge. */
  static async opened(make: MakeModule, scope: Challenge['scope'] = 'console', seconds = 900) {
    const bench = await Bench.provisioned(make);
    const asked = await bench.challenge(scope, seconds);
    await bench.give('unlock', await bench.issuer.token(asked));
    return { bench, asked };
  }

  /** @returns the answers to a command that is not refused */
  async ask(command: Command): Promise<readonly LatchAnswer[]> {
    const lines = (await this.module.send(formatCommand(command))).map(parseAnswer);
    assert.deepEqual(lines.at(-1), { kind: 'ok' });
    return lines.slice(0, -1) as LatchAnswer[];
  }

  /** @returns the one answer to a command that is not refused */
  async one<K extends LatchAnswer['kind']>(kind: K, command: Command): Promise<AnswerOf<K>> {
    const [answer, ...more] = await this.ask(command);
    assert.deepEqual([answer?.kind, more], [kind, []]);
    return answer as AnswerOf<K>;
  }

  /** @returns the code with which a command is refused; nothing else is answered */
  async refusal(command: Command): Promise<number> {
    const lines = (await this.module.send(formatCommand(command))).map(parseAnswer);
    const [answer, ...more] = lines;
    assert.ok(answer?.kind === 'cme' && more.length === 0, JSON.stringify(lines));
    met.cme.add(answer.code);
    return answer.code;
  }

  async upload(message: string): Promise<void> {
    for (const command of dataCommands(message)) assert.deepEqual(await this.ask(command), []);
  }

  /** Uploads a message and has it acted on, which must succeed. */
  async give(verb: Given, message: string): Promise<LatchAnswer> {
    await this.upload(message);
    const kind = {
      unlock: 'open',
      keys: 'keys',
      provision: 'provisioned',
      certificate: 'certificate',
    } as const;
    return this.one(kind[verb], { verb });
  }

  /** Uploads a message that must be refused with `code`. */
  async refuse(verb: Given, message: string, code: Cme): Promise<void> {
    await this.upload(message);
    assert.equal(await this.refusal({ verb }), code);
  }

  /** Once the module may make another. */
  async challenge(scope: Challenge['scope'] = 'console', seconds = 900): Promise<Challenge> {
    await this.module.advance(2);
    const { jws } = await this.one('challenge', { verb: 'challenge', scope, for: seconds });
    return verifyMessage(challenge, jws, this.#keys);
  }

  /** The TLS key, as the module vouches for it once it may. */
  async csr(): Promise<Csr> {
    await this.module.advance(2);
    const { jws } = await this.one('csr', { verb: 'csr' });
    return verifyMessage(csr, jws, this.#keys);
  }

  /** The issuer's word on a certificate for the module's TLS key, unless told otherwise. */
  async certificate(claims: Partial<Certificate> = {}): Promise<string> {
    const { hwid, dkt } = await this.identity();
    const crt = claims.crt ?? (await this.issuer.certify(hwid, await this.csr()));
    return this.issuer.certificate({ sub: hwid, dkt, ...claims, crt });
  }

  state(): Promise<AnswerOf<'state'>> {
    return this.one('state', { verb: 'state' });
  }

  /** Thumbprint of the device key. */
  async identity(): Promise<AnswerOf<'identity'> & { readonly dkt: string }> {
    const answer = await this.one('identity', { verb: 'identity' });
    const jwk = { kty: 'EC', crv: 'P-256', x: answer.x, y: answer.y } as const;
    const dkt = thumbprint(jwk);
    this.#deviceKeys.set(dkt, jwk);
    return { ...answer, dkt };
  }

  read(jws: string): Receipt {
    const claims = verifyMessage(receipt, jws, this.#keys);
    if (claims.why !== undefined) met.why.add(`${claims.event}/${claims.why}`);
    return claims;
  }

  /** The receipts kept above `after`, verified. */
  async receipts(after = 0): Promise<readonly Receipt[]> {
    const answers = await this.ask({ verb: 'receipts', after });
    return answers.map((answer) => {
      assert.ok(answer.kind === 'receipt');
      return this.read(answer.jws);
    });
  }

  async lastReceipt(): Promise<Receipt> {
    const last = (await this.receipts()).at(-1);
    assert.ok(last !== undefined, 'no receipt is kept');
    return last;
  }

  /** `event`, or `event/why`, of the receipts kept, in order. */
  async history(): Promise<string> {
    const receipts = await this.receipts();
    return receipts.map(({ event, why }) => (why === undefined ? event : `${event}/${why}`)).join(' ');
  }

  get #keys(): KeyStore {
    return (kid) => {
      const jwk = this.#deviceKeys.get(kid);
      return jwk && keyObject(jwk);
    };
  }
}
