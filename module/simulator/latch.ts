import { hash } from 'node:crypto';
import type { LatchAnswer } from '../../protocol/at/answer.ts';
import { encodeBase64url } from '../../protocol/base64url.ts';
import { checkCertificate } from '../../protocol/certificate-check.ts';
import { checkBundle, checkToken } from '../../protocol/checks.ts';
import type { Scope } from '../../protocol/claims.ts';
import type { RsaJwk } from '../../protocol/jwk.ts';
import { signMessage } from '../../protocol/jws.ts';
import { challenge, csr, keyManifest } from '../../protocol/messages.ts';
import type { Clock } from './clock.ts';
import { makeDeviceKey, readDeviceKey } from './device-key.ts';
import { Flash } from './flash.ts';
import { NonceKeeper } from './nonce.ts';
import { type KeptReceipt, makeReceipt } from './receipts.ts';
import { Refusal } from './refusal.ts';
import type { Service } from './service.ts';
import { Session } from './session.ts';
import type { Store } from './store.ts';
import { type TlsIdentity, TlsKey } from './tls-key.ts';
import { Trust } from './trust.ts';

/** What a module is made of. */
export interface Parts {
  readonly hwid: string;
  readonly imei: string;
  /** The challenge's `fw`, at most 64 characters. */
  readonly firmware: string;
  /** The two root keys in the firmware. */
  readonly roots: readonly [RsaJwk, RsaJwk];
  readonly store: Store;
  readonly service: Service;
  readonly clock: Clock;
  random(length: number): Uint8Array;
  /** Unix time, in builds whose clock can be trusted; without it `exp` is not checked. */
  readonly trustedTime?: (() => number) | undefined;
  /** Sends an unsolicited line. */
  indicate(answer: LatchAnswer): void;
}

/** Longest message that `data` puts together: a key manifest's. */
const LONGEST_MESSAGE = keyManifest.most;

/** Least time from one csr to the next, in milliseconds: a csr takes a number, and they end. */
const CSR_SPACING = 2000;

/** What each command of DESIGN section 5 does. Every method may throw a Refusal. */
export class Latch {
  readonly session: Session;
  readonly #parts: Parts;
  readonly #flash: Flash;
  readonly #trust: Trust;
  readonly #tlsKey: TlsKey;
  readonly #nonce = new NonceKeeper();
  #csrMadeAt = Number.NEGATIVE_INFINITY;
  #data = '';

  /** @param inTurn runs what happens by itself between two commands, never during one */
  constructor(parts: Parts, inTurn: (act: () => Promise<void>) => void) {
    const { hwid, store, service, clock } = parts;
    const flash = new Flash(store, hwid);
    this.#parts = parts;
    this.#flash = flash;
    this.#trust = new Trust(flash, parts.roots);
    this.#tlsKey = new TlsKey(flash);
    const timedOut = () => parts.indicate({ kind: 'indication', event: 'locked', why: 'timeout' });
    this.session = new Session({ flash, service, clock, inTurn, timedOut });
  }

  /** Locked, whatever it was before; what a power cut left half done is finished. */
  async boot(): Promise<void> {
    const flash = this.#flash;
    const { session } = flash.state;
    if (session === null) {
      // The device key of a new module is on flash before anybody sees it.
      flash.update({});
    } else {
      const receipt = await makeReceipt(flash, { jti: session.jti, event: 'closed', why: 'reboot' });
      flash.update({ session: null, receipts: flash.withReceipts(receipt) });
    }
    flash.writePassword();
  }

  state(): LatchAnswer {
    const { hwid, provisioned } = this.#flash.state;
    const state = this.session.isOpen ? 'open' : provisioned ? 'locked' : 'unprovisioned';
    return { kind: 'state', state, remaining: this.session.remaining, hwid, manifest: this.#trust.ver };
  }

  identity(): LatchAnswer {
    const { hwid, imei } = this.#parts;
    const { x, y } = this.#device.jwk;
    return { kind: 'identity', hwid, imei, x, y };
  }

  async challenge(scope: Scope, seconds: number): Promise<LatchAnswer> {
    const flash = this.#flash;
    const now = this.#parts.clock.now();
    if (!flash.state.provisioned) throw new Refusal(911);
    if (seconds === 0) throw new Refusal(907);
    if (!this.#nonce.mayMake(now)) throw new Refusal(908);
    const seq = flash.nextSeq();
    const nonce = encodeBase64url(this.#parts.random(16));
    this.#nonce.make({ nonce, scope, for: seconds }, now);
    const { hwid: sub, last } = flash.state;
    const held = { keys: this.#trust.ver, pwv: flash.pwv, fw: this.#parts.firmware };
    const claims = { sub, nonce, seq, scope, for: seconds, ...held, ...(last !== null && { last }) };
    return { kind: 'challenge', jws: await signMessage(challenge, claims, this.#device.signer) };
  }

  /** Offset 0 starts anew, an offset below the end rewrites from there. */
  data(offset: number, piece: string): void {
    if (offset > this.#data.length) throw new Refusal(912);
    if (offset + piece.length > LONGEST_MESSAGE) throw new Refusal(901);
    this.#data = this.#data.slice(0, offset) + piece;
  }

  async unlock(): Promise<LatchAnswer> {
    const token = await this.#checkToken();
    await this.session.end('replaced');
    await this.session.accept(token);
    const { jti, scope, for: seconds } = token;
    const receipt =
      scope === 'reset' ? await this.#reset(jti) : await this.session.start(jti, scope, seconds);
    return { kind: 'open', scope, for: seconds, receipt: receipt.jws };
  }

  /** The same manifest again is no fault, and leaves the nonce alive. */
  keys(): LatchAnswer {
    if (this.#trust.accept(this.#data)) this.#nonce.kill();
    return { kind: 'keys', ver: this.#trust.ver };
  }

  async provision(): Promise<LatchAnswer> {
    const flash = this.#flash;
    const { hwid, provisioned } = flash.state;
    const { iss, issuerKeys: keys } = this.#trust;
    const dkt = this.#device.signer.kid;
    const verdict = checkBundle(this.#data, { provisioned, hwid, dkt, iss, keys, pwv: flash.pwv });
    if (!verdict.ok) throw new Refusal(verdict.cme);
    const { jti, pw } = verdict.bundle;
    const dig = hash('sha256', this.#data, 'base64url');
    const pwv = pw?.ver ?? flash.pwv;
    const receipt = await makeReceipt(flash, { jti, event: 'provisioned', pwv, dig });
    flash.update({ provisioned: true, receipts: flash.withReceipts(receipt), ...(pw && { pw }) });
    flash.writePassword();
    return { kind: 'provisioned', receipt: receipt.jws };
  }

  /** @returns nothing where it is locked already */
  async lock(): Promise<readonly LatchAnswer[]> {
    const receipt = await this.session.end('lock');
    return receipt === undefined ? [] : [{ kind: 'locked', receipt: receipt.jws }];
  }

  receipts(after: number): readonly LatchAnswer[] {
    const kept = this.#flash.state.receipts.filter(({ seq }) => seq > after);
    return kept.map(({ jws }) => ({ kind: 'receipt', jws }));
  }

  /** Asks for the certificate of the TLS key, which is made at the first call. */
  async csr(): Promise<LatchAnswer> {
    const flash = this.#flash;
    const { hwid: sub, provisioned } = flash.state;
    const now = this.#parts.clock.now();
    if (!provisioned) throw new Refusal(911);
    if (now - this.#csrMadeAt < CSR_SPACING) throw new Refusal(908);
    const { x, y } = this.#tlsKey.public();
    const claims = { sub, x, y, seq: flash.nextSeq() };
    this.#csrMadeAt = now;
    return { kind: 'csr', jws: await signMessage(csr, claims, this.#device.signer) };
  }

  /** The same certificate again is no fault. */
  certificate(): LatchAnswer {
    const { hwid, provisioned } = this.#flash.state;
    const { iss, issuerKeys: keys } = this.#trust;
    const tls = this.#tlsKey.held()?.jwk;
    const dkt = this.#device.signer.kid;
    const verdict = checkCertificate(this.#data, { provisioned, hwid, dkt, iss, keys, tls });
    if (!verdict.ok) throw new Refusal(verdict.cme);
    this.#tlsKey.certify(verdict.certificate.crt);
    return { kind: 'certificate' };
  }

  /** Key and certificate for TLS; undefined before the module has both. */
  tlsIdentity(): TlsIdentity | undefined {
    return this.#tlsKey.identity();
  }

  get #device() {
    return readDeviceKey(this.#flash.state.deviceKey);
  }

  /** The token in the data, if it passes; what it costs the nonce if not, and a `refused` receipt. */
  async #checkToken() {
    const { hwid, provisioned } = this.#flash.state;
    const { iss, issuerKeys: keys } = this.#trust;
    if (!provisioned || iss === undefined) throw new Refusal(911);
    const live = this.#nonce.live(this.#parts.clock.now());
    const now = this.#parts.trustedTime?.();
    const verdict = checkToken(this.#data, { hwid, iss, keys, live, pwv: this.#flash.pwv, now });
    if (verdict.ok || verdict.nonceDies) this.#nonce.kill();
    else if (verdict.cme === 902) this.#nonce.badSignature();
    if (verdict.ok) return verdict.token;
    if (verdict.why && verdict.jti) await this.session.refuse(verdict.jti, verdict.why);
    throw new Refusal(verdict.cme);
  }

  /** Back to unprovisioned, with a new device key and no TLS key. The old key signs how that went, in the same write. */
  async #reset(jti: string): Promise<KeptReceipt> {
    const flash = this.#flash;
    try {
      const opened = await makeReceipt(flash, { jti, event: 'opened' });
      const closed = await makeReceipt(flash, { jti, event: 'closed', why: 'stop' });
      const receipts = flash.withReceipts(opened, closed);
      const anew = { deviceKey: makeDeviceKey(), tls: null, provisioned: false, last: null, session: null };
      flash.update({ ...anew, receipts });
      return opened;
    } catch (error) {
      await this.session.refuseAccepted('storage');
      throw error;
    }
  }
}
