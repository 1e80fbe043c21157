import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LatchAnswer } from '../../protocol/at/answer.ts';
import { hwid as hwidClaim, text } from '../../protocol/claims.ts';
import type { RsaJwk } from '../../protocol/jwk.ts';
import { AtPort } from './at-port.ts';
import { type Clock, monotonicClock } from './clock.ts';
import { ConsoleService } from './console.ts';
import { Engine } from './engine.ts';
import type { Parts } from './latch.ts';
import { openPty } from './pty.ts';
import { fileStore } from './store.ts';
import { openTcp } from './tcp.ts';
import type { TlsIdentity } from './tls-key.ts';
import { Wire } from './wire.ts';

/** A pseudo-terminal, or a tcp port on 127.0.0.1 (0 for any free one). */
export type PortChoice = 'pty' | { readonly tcp: number };

export interface ModuleOptions {
  /** Directory that stands for the module's flash; made if need be. One module each. */
  readonly dir: string;
  /** 8 to 64 of `A-Z 0-9 . _ -`. */
  readonly hwid: string;
  /** 15 digits. */
  readonly imei: string;
  /** The two root public keys that its firmware carries. */
  readonly roots: readonly [RsaJwk, RsaJwk];
  /** What its challenges and `ATI` say, at most 64 characters. */
  readonly firmware?: string;
  /** Where the AT port is; a pseudo-terminal unless told otherwise. */
  readonly at?: PortChoice;
  /** Where the console port is; a pseudo-terminal unless told otherwise. */
  readonly console?: PortChoice;
  /** Paces both ports in both directions, for example 115200; without it they are as fast as they can be. */
  readonly baud?: number | undefined;
  /** Directory for two symbolic links, `at` and `console`, to pseudo-terminals whose names change. */
  readonly linkDir?: string | undefined;
  /** Its monotonic clock, for tests. */
  readonly clock?: Clock;
  /** Its random bytes, for tests. */
  readonly random?: (length: number) => Uint8Array;
  /** Unix time in seconds, to play a build whose clock can be trusted; without it `exp` is not checked. */
  readonly trustedTime?: () => number;
}

/** A module that runs in this process. */
export interface RunningModule {
  /** What to give a program for its AT port: `/dev/pts/3` or `tcp://127.0.0.1:4001`. */
  readonly atPath: string;
  readonly consolePath: string;
  /** Key and certificate with which it meets the customer's servers, for node:tls; undefined before it has both. */
  tlsIdentity(): TlsIdentity | undefined;
  /** Cuts the power and switches it on again: RAM is lost, the session closed, the ports stay. */
  reboot(): Promise<void>;
  /** Ends it in order, with a `closed` receipt if it was open, and closes its ports. */
  stop(): Promise<void>;
}

/**
 * Starts a simulated module: the behaviour of DESIGN sections 4 and 5 on two real ports. It remembers
 * in `dir`: started there again, it is the same module.
 * @throws TypeError for names that a module cannot have, and for the directory of another module
 */
export async function startModule(options: ModuleOptions): Promise<RunningModule> {
  const { dir, hwid, imei, firmware = 'latchkey-simulator 1', baud, linkDir } = options;
  if (hwidClaim.read(hwid) === undefined) throw new TypeError(`not a hardware ID: ${hwid}`);
  if (!/^[0-9]{15}$/.test(imei)) throw new TypeError(`not an IMEI: ${imei}`);
  if (text(64).read(firmware) === undefined) throw new TypeError(`not a firmware name: ${firmware}`);
  const store = fileStore(dir);
  let at: AtPort | undefined;
  const atWire = await Wire.open(opener(options.at), baud, (bytes) => at?.receive(bytes));
  const consoleWire = await Wire.open(opener(options.console), baud, (bytes) => service.receive(bytes));
  const service = new ConsoleService(hwid, () => store.loadPassword(), consoleWire);
  const parts: Parts = {
    hwid,
    imei,
    firmware,
    roots: options.roots,
    store,
    service,
    clock: options.clock ?? monotonicClock,
    random: options.random ?? randomBytes,
    trustedTime: options.trustedTime,
    indicate: (answer: LatchAnswer) => at?.indicate(answer),
  };
  const boot = async () => {
    const engine = await Engine.boot(parts);
    at = new AtPort({ firmware, execute: (command) => engine.execute(command) }, (text) =>
      atWire.write(text),
    );
    return engine;
  };
  let engine = await boot();
  const links = linkDir === undefined ? undefined : link(linkDir, atWire.path, consoleWire.path);
  return {
    atPath: links?.at ?? atWire.path,
    consolePath: links?.console ?? consoleWire.path,
    tlsIdentity: () => engine.tlsIdentity(),
    async reboot() {
      at = undefined;
      await engine.cut();
      engine = await boot();
    },
    async stop() {
      at = undefined;
      await engine.stop();
      await Promise.all([atWire.close(), consoleWire.close()]);
      links?.remove();
    },
  };
}

function opener(choice: PortChoice = 'pty') {
  return choice === 'pty' ? openPty : openTcp(choice.tcp);
}

/** Links in `dir` to the two ports, in place of those that an earlier run left. */
function link(dir: string, atPath: string, consolePath: string) {
  const links = { at: join(dir, 'at'), console: join(dir, 'console') };
  const remove = () => {
    for (const path of Object.values(links)) rmSync(path, { force: true });
  };
  mkdirSync(dir, { recursive: true });
  remove();
  symlinkSync(atPath, links.at);
  symlinkSync(consolePath, links.console);
  return { ...links, remove };
}
