import { randomBytes } from 'node:crypto';
import { AtPort } from '../../module/simulator/at-port.ts';
import { makeDeviceKey } from '../../module/simulator/device-key.ts';
import { Engine } from '../../module/simulator/engine.ts';
import type { Parts } from '../../module/simulator/latch.ts';
import type { Service, ServiceScope } from '../../module/simulator/service.ts';
import type { State, Store } from '../../module/simulator/store.ts';
import { formatAnswer } from '../../protocol/at/answer.ts';
import { ManualClock } from './clock.ts';
import { heldManifest, someHash } from './issuer.ts';
import type { ModuleUnderTest, Placed, Setup } from './under-test.ts';

/** Flash in RAM, as text, so that nothing is shared with what was read from it. */
export class TestStore implements Store {
  state: string | undefined;
  password: string | undefined;
  failing = false;
  /** Called before each write with what is about to be written; may throw. */
  before: (what: 'state' | 'password') => void = () => {};

  load(): State | undefined {
    return this.state === undefined ? undefined : (JSON.parse(this.state) as State);
  }

  save(state: State): void {
    this.#check('state');
    this.state = JSON.stringify(state);
  }

  loadPassword(): string | undefined {
    return this.password;
  }

  savePassword(hash: string): void {
    this.#check('password');
    this.password = hash;
  }

  #check(what: 'state' | 'password'): void {
    this.before(what);
    if (this.failing) throw new Error('the flash is worn out');
  }
}

export class TestService implements Service {
  running: ServiceScope | undefined;
  failing = false;
  #ended: () => void = () => {};

  async start(scope: ServiceScope, ended: () => void): Promise<void> {
    if (this.failing) throw new Error('exec format error');
    this.running = scope;
    this.#ended = ended;
  }

  async stop(): Promise<void> {
    this.running = undefined;
  }

  end(): void {
    this.#ended();
  }
}

/** The simulator's behaviour without ports: its engine and its AT port, with a clock that tests wind. */
export async function simulatedModule(setup: Setup): Promise<ModuleUnderTest> {
  const store = new TestStore();
  const service = new TestService();
  const clock = new ManualClock();
  const nonces = [...(setup.nonces ?? [])];
  const unsolicited: string[] = [];
  const hwid = setup.hwid ?? 'LTE4-00A1B2C3D4E5';
  if (setup.placed !== undefined) store.state = JSON.stringify(await placedState(hwid, setup.placed));
  const { now } = setup;
  const parts: Parts = {
    hwid,
    imei: setup.imei ?? '490154203237518',
    firmware: 'test 1',
    roots: setup.roots,
    store,
    service,
    clock,
    random: (length) => nonces.shift() ?? randomBytes(length),
    trustedTime: now === undefined ? undefined : () => now,
    indicate: (answer) => unsolicited.push(formatAnswer(answer)),
  };
  let engine: Engine;
  let port: AtPort;
  let output = '';
  const boot = async () => {
    engine = await Engine.boot(parts);
    const behind = { firmware: parts.firmware, execute: engine.execute.bind(engine) };
    port = new AtPort(behind, (text) => {
      output += text;
    });
    await port.receive(Buffer.from('ATE0\r'));
  };
  await boot();
  return {
    async send(line) {
      output = '';
      await port.receive(Buffer.from(`${line}\r`));
      return output.split('\r\n').filter((text) => text !== '');
    },
    unsolicited: () => unsolicited.splice(0),
    async advance(seconds) {
      clock.advance(seconds * 1000);
      await engine.execute({ verb: 'state' });
    },
    async reboot() {
      await engine.cut();
      await boot();
    },
    async restart() {
      await engine.stop();
      await boot();
    },
    fail(what) {
      store.failing = what === 'flash';
      service.failing = what === 'service';
    },
    async endService() {
      service.end();
      await engine.execute({ verb: 'state' });
    },
    running: () => service.running,
    passwordFile: () => store.password,
  };
}

async function placedState(hwid: string, placed: Placed): Promise<State> {
  const { held, pwv, provisioned } = placed;
  return {
    hwid,
    deviceKey: makeDeviceKey(),
    provisioned,
    reserved: 0,
    manifest: placed.manifest ?? (held === undefined ? null : await heldManifest(held)),
    roots: null,
    pw: pwv === 0 ? null : { ver: pwv, hash: someHash('placed') },
    last: null,
    session: null,
    tls: null,
    receipts: [],
  };
}
