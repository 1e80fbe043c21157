import type { Scope } from '../../protocol/claims.ts';
import type { RsaJwk } from '../../protocol/jwk.ts';

/** State that no message can bring about in a test: what the vectors of protocol/vectors suppose. */
export interface Placed {
  readonly provisioned: boolean;
  /** `iss`, issuer keys and version of the manifest held; undefined for none. */
  readonly held?:
    | { readonly iss: string; readonly keys: readonly RsaJwk[]; readonly ver: number }
    | undefined;
  /** The manifest held, as it came, in place of one made from `held`. */
  readonly manifest?: string | undefined;
  readonly pwv: number;
}

export interface Setup {
  readonly hwid?: string;
  readonly imei?: string;
  readonly roots: readonly [RsaJwk, RsaJwk];
  /** A module that is not new. */
  readonly placed?: Placed;
  /** What the first nonces are, 16 bytes each; random ones follow. */
  readonly nonces?: readonly Uint8Array[];
  /** Unix time, for a build whose clock is trusted. */
  readonly now?: number | undefined;
}

/**
 * A module, whatever it is written in, as the conformance suite drives it: AT lines in and out, and
 * hands on its clock, its power, its flash and its services.
 */
export interface ModuleUnderTest {
  /** @returns the lines of the answer, the final result code last; echo and unsolicited lines left out */
  send(line: string): Promise<readonly string[]>;
  /** The unsolicited lines since the last call. */
  unsolicited(): readonly string[];
  /** Lets its monotonic clock go on by so many seconds. */
  advance(seconds: number): Promise<void>;
  /** Cuts the power, switches it on again. */
  reboot(): Promise<void>;
  /** Ends the agent in order, starts it again. */
  restart(): Promise<void>;
  /** What fails from now on: every write to flash, or the start of every service. */
  fail(what: 'flash' | 'service' | 'nothing'): void;
  /** The service that runs ends by itself. */
  endService(): Promise<void>;
  /** The scope whose service runs. */
  running(): Scope | undefined;
  /** The `$6$` hash in the password file. */
  passwordFile(): string | undefined;
}

export type MakeModule = (setup: Setup) => Promise<ModuleUnderTest>;
