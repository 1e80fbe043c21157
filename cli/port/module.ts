import type { LatchAnswer, ModuleState } from '../../protocol/at/answer.ts';
import type { Command } from '../../protocol/at/command.ts';
import type { Scope } from '../../protocol/claims.ts';
import type { EcJwk } from '../../protocol/jwk.ts';
import * as messages from '../../protocol/messages.ts';
import { AtClient, type AtOptions } from './at-client.ts';
import { ModuleRefusal, PortError } from './fault.ts';
import type { Port } from './port.ts';
import { pause, systemTimers, type Timers } from './timers.ts';
import { claimsOf } from './unverified.ts';
import { isUncertain, type Progress, persist, upload } from './upload.ts';

export interface ModuleStatus {
  readonly state: ModuleState;
  /** Seconds until the module locks itself, 0 when it is not open. */
  readonly remaining: number;
  readonly hwid: string;
  /** Version of the key manifest held, 0 for none. */
  readonly manifest: number;
}

export interface ModuleIdentity {
  readonly hwid: string;
  readonly imei: string;
  /** The device key, as the module states it: proved only by what it signs. */
  readonly key: EcJwk;
}

export interface Opened {
  readonly scope: Scope;
  /** Seconds until the module locks itself. */
  readonly for: number;
  /** Compact JWS, not verified. */
  readonly receipt: string;
}

export interface ModuleOptions extends AtOptions {
  readonly progress?: Progress | undefined;
}

type AnswerOf<K> = LatchAnswer extends infer A extends LatchAnswer
  ? A extends LatchAnswer
    ? K extends A['kind']
      ? A
      : never
    : never
  : never;

/** Milliseconds that a module may take. It verifies RSA signatures, writes to flash, starts and ends services. */
const limits: Readonly<Record<Command['verb'], number>> = {
  verbs: 3000,
  state: 3000,
  identity: 10_000,
  challenge: 10_000,
  data: 5000,
  unlock: 30_000,
  keys: 15_000,
  provision: 30_000,
  lock: 30_000,
  receipts: 15_000,
  csr: 30_000,
  certificate: 30_000,
};

/** A module makes one challenge, and one csr, in so many milliseconds. */
const ONE_PER = 2000;
const ATTEMPTS = 2;

/**
 * A module at the other end of an AT port. What may be said twice is, where the answer did not come or
 * made no sense; whether a token or bundle took effect is then read from the module's receipts.
 * Every method throws PortError; messages that it returns are well-formed, but not verified.
 */
export class ModuleClient {
  /** What the module said when the connection began. */
  readonly found: ModuleStatus;
  readonly #port: Port;
  readonly #at: AtClient;
  readonly #timers: Timers;
  readonly #progress: Progress;
  #manifest: number;

  private constructor(port: Port, at: AtClient, found: ModuleStatus, options: ModuleOptions) {
    this.#port = port;
    this.#at = at;
    this.found = found;
    this.#manifest = found.manifest;
    this.#timers = options.timers ?? systemTimers;
    this.#progress = options.progress ?? (() => {});
  }

  /** Whoever opened the port closes it, also after this fails. @throws PortError */
  static async connect(port: Port, options: ModuleOptions = {}): Promise<ModuleClient> {
    const at = new AtClient(port, options);
    return new ModuleClient(port, at, statusOf(await at.synchronise()), options);
  }

  /** Version of the newest key manifest that it has said to hold, 0 for none. */
  get manifest(): number {
    return this.#manifest;
  }

  async status(): Promise<ModuleStatus> {
    return statusOf(await persist(ATTEMPTS, () => this.#one({ verb: 'state' }, 'state')));
  }

  /** Of the module that was found: another may stand behind the port by now, or say that it is another. */
  async identity(): Promise<ModuleIdentity> {
    const { hwid, imei, x, y } = await persist(ATTEMPTS, () => this.#one({ verb: 'identity' }, 'identity'));
    if (hwid !== this.found.hwid) throw this.#changed(hwid);
    return { hwid, imei, key: { kty: 'EC', crv: 'P-256', x, y } };
  }

  /** A new challenge; the one before it is void. */
  challenge(scope: Scope, seconds: number): Promise<string> {
    const { hwid } = this.found;
    return persist(ATTEMPTS, async () => {
      const jws = await this.#challenge({ verb: 'challenge', scope, for: seconds });
      const claims = claimsOf(messages.challenge, jws);
      if (claims?.sub === hwid && claims.scope === scope && claims.for === seconds) return jws;
      throw this.#damaged('challenge');
    });
  }

  /** Hands over a token: the module opens, or refuses with its cause. */
  async unlock(token: string): Promise<Opened> {
    await upload(this.#at, token, this.#progress);
    try {
      const { scope, for: seconds, receipt } = await this.#one({ verb: 'unlock' }, 'open');
      if (claimsOf(messages.receipt, receipt)?.event !== 'opened') throw this.#damaged('receipt');
      return { scope, for: seconds, receipt };
    } catch (error) {
      const claims = claimsOf(messages.unlockToken, token);
      if (!isUncertain(error) || claims === undefined) throw error;
      const receipt = await this.#receiptOf('opened', claims.jti);
      const { state, remaining } = await this.status();
      if (receipt === undefined || state !== 'open') throw error;
      return { scope: claims.scope, for: remaining, receipt };
    }
  }

  /** Hands over a key manifest. @returns the version that the module holds now */
  async keys(manifest: string): Promise<number> {
    const lines = await persist(ATTEMPTS, async () => {
      await upload(this.#at, manifest, this.#progress);
      return this.#execute({ verb: 'keys' });
    });
    const [first] = lines;
    this.#manifest = first?.kind === 'keys' ? first.ver : (await this.status()).manifest;
    return this.#manifest;
  }

  /** Hands over a bundle; one that the module took before gives the same receipt. @returns the receipt */
  async provision(bundle: string): Promise<string> {
    await upload(this.#at, bundle, this.#progress);
    try {
      const { receipt } = await this.#one({ verb: 'provision' }, 'provisioned');
      if (claimsOf(messages.receipt, receipt)?.event !== 'provisioned') throw this.#damaged('receipt');
      return receipt;
    } catch (error) {
      const jti = claimsOf(messages.bundle, bundle)?.jti;
      const mayBeDone = isUncertain(error) || (error instanceof ModuleRefusal && error.cme === 909);
      const receipt = mayBeDone && jti !== undefined ? await this.#receiptOf('provisioned', jti) : undefined;
      if (receipt === undefined) throw error;
      return receipt;
    }
  }

  /**
   * Locks the module, ending the session's processes.
   * @returns the receipt; undefined where it was locked already, or its answer had to be asked for twice:
   * `receipts` has it then
   */
  async lock(): Promise<string | undefined> {
    const [first] = await persist(ATTEMPTS, () => this.#execute({ verb: 'lock' }));
    return first?.kind === 'locked' ? first.receipt : undefined;
  }

  /** The receipts kept, at most 32, whose `seq` is above `after`. */
  receipts(after = 0): Promise<string[]> {
    return persist(ATTEMPTS, async () => {
      const lines = await this.#execute({ verb: 'receipts', after });
      const kept = lines.flatMap((line) => (line.kind === 'receipt' ? line.jws : []));
      if (kept.every((jws) => claimsOf(messages.receipt, jws) !== undefined)) return kept;
      throw this.#damaged('receipt');
    });
  }

  /** Asks for the certificate of its TLS key, made if need be. */
  csr(): Promise<string> {
    return persist(ATTEMPTS, async () => {
      const { jws } = await this.#paced(() => this.#one({ verb: 'csr' }, 'csr'));
      if (claimsOf(messages.csr, jws)?.sub === this.found.hwid) return jws;
      throw this.#damaged('csr');
    });
  }

  /** Hands over the certificate of its TLS key; the same again changes nothing. */
  certificate(jws: string): Promise<void> {
    return persist(ATTEMPTS, async () => {
      await upload(this.#at, jws, this.#progress);
      await this.#execute({ verb: 'certificate' });
    });
  }

  async #challenge(command: Command): Promise<string> {
    return (await this.#paced(() => this.#one(command, 'challenge'))).jws;
  }

  /** Asks again where the module was asked a moment ago. */
  async #paced<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ModuleRefusal) || error.cme !== 908) throw error;
      await pause(this.#timers, ONE_PER);
      return ask();
    }
  }

  async #receiptOf(event: messages.Receipt['event'], jti: string): Promise<string | undefined> {
    return (await this.receipts()).findLast((jws) => {
      const claims = claimsOf(messages.receipt, jws);
      return claims?.jti === jti && claims.event === event;
    });
  }

  #execute(command: Command): Promise<readonly LatchAnswer[]> {
    return this.#at.execute(command, limits[command.verb]);
  }

  /** The line of an answer that has exactly one, which the AT client has seen to. */
  async #one<K extends LatchAnswer['kind']>(command: Command, _kind: K): Promise<AnswerOf<K>> {
    const [line] = await this.#execute(command);
    return line as AnswerOf<K>;
  }

  #changed(hwid: string): PortError {
    const what = `At ${this.#port.name} there was module ${this.found.hwid}, and now it says that it is ${hwid}.`;
    return new PortError('module-garbled', what, {
      next: 'Nothing was asked for either. If nobody changed modules, put it aside.',
    });
  }

  /** The line came whole, but a bit of the message in it is not as the module sent it. */
  #damaged(what: string): PortError {
    return new PortError('module-garbled', `The ${what} from ${this.#port.name} was damaged on the way.`, {
      next: 'Try again; if it stays, check the cable, and that no other program uses the port.',
    });
  }
}

function statusOf({
  state,
  remaining,
  hwid,
  manifest,
}: Extract<LatchAnswer, { kind: 'state' }>): ModuleStatus {
  return { state, remaining, hwid, manifest };
}
