import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { rsaJwk } from '../../../protocol/jwk.ts';
import { ok } from '../../cli/answers.ts';
import { type Laptop, laptop } from '../../cli/laptop.ts';
import { Deployment, type ServerProcess } from '../../fixture/deployment.ts';
import { type Ended, type Program, run } from '../../fixture/program.ts';
import { atLook, httpLook } from './looks.ts';
import { Module } from './module.ts';
import { Relay } from './relay.ts';

export const ORDER = 'A-7731';

/** What happens when a moment has come. */
export interface Trap {
  readonly moment: string;
  spring(pass: () => void): Promise<void>;
}

/** A server, a station, an officer, an engineer, and a slot for one module after the other; relays between. */
export class Factory {
  readonly deployment: Deployment;
  readonly officer: Laptop;
  readonly engineer: Laptop;
  readonly station: Laptop;
  /** Between the station and the module in the slot. */
  readonly cable: Relay;
  /** Between the station and the server. */
  readonly network: Relay;
  /** Every module that was ever switched on. */
  readonly modules: Module[] = [];
  server: ServerProcess | undefined;
  #trap: Trap | undefined;
  #requests = 0;
  #watching: FSWatcher | undefined;

  private constructor(deployment: Deployment) {
    this.deployment = deployment;
    [this.officer, this.engineer, this.station] = [laptop(), laptop(), laptop()];
    const meet = (moment: string, pass: () => void) => this.#meet(moment, pass);
    this.cable = new Relay(atLook, meet);
    const count = () => {
      this.#requests += 1;
      return this.#requests;
    };
    this.network = new Relay(httpLook(count), meet);
    this.network.to = Number(new URL(deployment.origin).port);
  }

  static async open(quantity: number): Promise<Factory> {
    const { deployment, code } = await Deployment.make();
    const factory = new Factory(deployment);
    await factory.serve();
    await ok(factory.officer.latchkey('enroll', code, '--json'));
    await factory.#enrol('line-1', 'station', factory.station);
    await factory.#enrol('alice', 'engineer', factory.engineer);
    const order = ['--quantity', String(quantity), '--station', 'line-1'];
    await ok(factory.officer.latchkey('orders', 'create', ORDER, ...order, '--json'));
    await Promise.all([factory.cable.open(), factory.network.open()]);
    factory.#lead();
    return factory;
  }

  async #enrol(name: string, role: string, who: Laptop): Promise<void> {
    const { code } = await ok(this.officer.latchkey('invite', name, '--role', role, '--json'));
    await ok(who.latchkey('enroll', code, '--json'));
  }

  /** The station takes the way over the relay; its roots are what modules are made with. */
  #lead(): void {
    const file = join(this.station.dir, 'profile.json');
    const profile = JSON.parse(readFileSync(file, 'utf8'));
    const server = `https://127.0.0.1:${this.network.port}`;
    writeFileSync(file, JSON.stringify({ ...profile, server }));
    const keys = ['root-a.pub', 'root-b.pub'].map((name) =>
      rsaJwk(createPublicKey(readFileSync(join(this.deployment.dir, 'data/keys', name)))),
    );
    writeFileSync(this.#roots, JSON.stringify({ keys }));
    mkdirSync(this.#journal, { mode: 0o700 });
    this.#watching = watch(this.#journal, (_, name) => {
      const gone = name?.endsWith('.json') && !existsSync(join(this.#journal, name));
      void this.#meet(gone ? 'journal gone' : 'journal written', () => {});
    });
  }

  get #journal(): string {
    return join(this.station.dir, 'journal');
  }

  /** Files of what waits for the server. */
  journal(): string[] {
    return readdirSync(this.#journal).filter((name) => name.endsWith('.json'));
  }

  get #roots(): string {
    return join(this.deployment.dir, 'roots.json');
  }

  /** What the label printer follows. */
  get labels(): string {
    return join(this.station.dir, 'labels.csv');
  }

  /** What the server writes first of a transaction. */
  get log(): string {
    return join(this.deployment.dir, 'data/latchkey.db-wal');
  }

  async serve(): Promise<void> {
    const server = await this.deployment.start();
    assert.equal(server.child.exitCode, null, 'the server starts');
    this.server = server;
  }

  /** What the station asks in a run that nothing disturbs: its requests, as the server's diagnostics name them. */
  async requestsOf(module: Module): Promise<string[]> {
    const { stdout } = this.server?.child ?? {};
    assert.ok(stdout);
    const lines = createInterface({ input: stdout });
    const routes: string[] = [];
    lines.on('line', (line) => {
      const { method, route } = JSON.parse(line) as { method?: string; route?: string };
      if (method !== undefined) routes.push(`${method} ${route}`);
    });
    assert.equal(outcomeOf(await this.provision(module).ended), 'confirmed');
    while (routes.length < this.#requests) await once(lines, 'line');
    assert.equal(routes.length, this.#requests, routes.join());
    return routes;
  }

  async kill({ child, gone }: ServerProcess): Promise<void> {
    this.server = undefined;
    child.kill('SIGKILL');
    await gone;
    this.network.hangUp();
  }

  /** A module as it leaves the soldering oven, switched on. */
  async make(): Promise<Module> {
    const module = new Module(this.modules.length, this.deployment.dir, this.#roots);
    this.modules.push(module);
    await module.start();
    return module;
  }

  /** `latchkey provision`, the same words each time, on the module that is put into the slot. */
  provision({ at }: Module, trap?: Trap): Program {
    this.cable.to = Number(new URL(at).port);
    this.#requests = 0;
    this.#trap = trap;
    const port = `tcp://127.0.0.1:${this.cable.port}`;
    const words = ['provision', '--order', ORDER, '--port', port, '--labels', this.labels, '--json'];
    return run('cli/main.js', '--home', this.station.dir, ...words);
  }

  async #meet(moment: string, pass: () => void): Promise<void> {
    if (this.#trap?.moment !== moment) return;
    const { spring } = this.#trap;
    this.#trap = undefined;
    await spring(pass);
  }

  async close(): Promise<void> {
    this.#watching?.close();
    await Promise.all([this.cable.shut(), this.network.shut()]);
    for (const module of this.modules) await module.cut();
    if (this.server !== undefined) await this.kill(this.server);
    for (const one of [this.officer, this.engineer, this.station]) one.remove();
    this.deployment.remove();
  }
}

/** What a run of `latchkey provision` came to: `confirmed`, `journaled`, or the code of its fault. */
export function outcomeOf({ code, stdout, stderr }: Ended): string {
  if (code === 0) return (JSON.parse(stdout) as { status: string }).status;
  if (code === null) return 'killed';
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return (JSON.parse(last) as { error: { code: string } }).error.code;
}
