import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { ok } from '../../cli/answers.ts';
import type { Program } from '../../fixture/program.ts';
import { type Factory, outcomeOf } from './factory.ts';
import type { Module } from './module.ts';
import { type Kill, type Kind, steps } from './steps.ts';

/** What became of the run that was hit: `killed`, `confirmed`, `journaled`, or the code of its fault. */
export type Hit = string;

type Requests = Partial<Record<Kind, readonly string[]>>;

/** One factory that is made to suffer, kill after kill. */
export class Ordeal {
  readonly factory: Factory;
  /** The requests of a run, in their order. */
  readonly #requests: Requests;
  /** What is starting again. */
  #restoring: Promise<unknown>[] = [];

  private constructor(factory: Factory, requests: Requests) {
    this.factory = factory;
    this.#requests = requests;
  }

  /** Learns what a run asks that nothing disturbs, and one that finds a module in the journal. */
  static async begin(factory: Factory): Promise<Ordeal> {
    const first = await factory.make();
    const online = await factory.requestsOf(first);
    const second = await factory.make();
    await factory.network.shut();
    assert.equal(outcomeOf(await factory.provision(second).ended), 'journaled');
    await factory.network.open();
    const third = await factory.make();
    const ordeal = new Ordeal(factory, { online, delivery: await factory.requestsOf(third) });
    for (const one of [first, second, third]) await ordeal.#finish(one);
    return ordeal;
  }

  /** Makes one module, kills at one moment, then does what an operator does: runs the same command again. */
  async suffer(kill: Kill): Promise<Hit> {
    const { factory } = this;
    const { kind } = steps[kill.step] ?? assert.fail(kill.step);
    const waiting = kind === 'delivery' ? [await this.#journaled(kill)] : [];
    const module = await factory.make();
    if (kind === 'outage') await this.#outage(kill);
    const hit = await this.#hit(kill, module);
    await this.#mend(module);
    const left = hit === 'journaled' && kill.left ? [await factory.make()] : [];
    if (hit !== 'confirmed' || factory.journal().length > 0) {
      const again = await factory.provision(left[0] ?? module).ended;
      assert.equal(outcomeOf(again), 'confirmed', `after ${hit}: ${again.stderr}`);
    }
    for (const one of [...waiting, module, ...left]) await this.#finish(one);
    return hit;
  }

  /** A module of an outage that is over: it has left the line, and waits in the journal. */
  async #journaled(kill: Kill): Promise<Module> {
    const module = await this.factory.make();
    await this.#outage(kill);
    assert.equal(outcomeOf(await this.factory.provision(module).ended), 'journaled');
    await this.#mend(module);
    return module;
  }

  async #hit(kill: Kill, module: Module): Promise<Hit> {
    let struck: Promise<void> | undefined;
    const strike = async (pass: () => void) => {
      if (kill.heard) {
        const begun = this.#writing(kill, module);
        pass();
        await begun;
      }
      await this.#strike(kill, module, running);
    };
    const spring = (pass: () => void) => {
      struck = strike(pass);
      return struck;
    };
    const running = this.factory.provision(module, { moment: this.#momentOf(kill), spring });
    const ended = await running.ended;
    // What it did to its disk at the very last is told by then.
    if (struck === undefined) await setImmediate();
    assert.ok(struck, `it never came so far: ${ended.stdout}${ended.stderr}`);
    await struck;
    return outcomeOf(ended);
  }

  #momentOf({ step }: Kill): string {
    const { kind, at, nth = 1 } = steps[step] ?? assert.fail(step);
    const [, way, route] = /^(request|answer) (.*)$/.exec(at) ?? [];
    if (route === undefined) return at;
    const places = [...(this.#requests[kind] ?? []).entries()].filter(([, one]) => one === route);
    const [place] = places[nth - 1] ?? assert.fail(`a run does not ask for ${route}`);
    return `${way} ${place + 1}`;
  }

  /** Resolves once the victim has begun to write what it is told, where it writes: it is not done then. */
  async #writing({ step, victim }: Kill, { flash }: Module): Promise<void> {
    if (steps[step]?.writes !== victim) return;
    const watcher = watch(victim === 'module' ? flash : this.factory.log);
    await once(watcher, 'change');
    watcher.close();
  }

  async #outage({ victim }: Kill): Promise<void> {
    const { server, network } = this.factory;
    if (victim === 'server' && server !== undefined) await this.factory.kill(server);
    else await network.shut();
  }

  async #strike(kill: Kill, module: Module, station: Program): Promise<void> {
    const { factory } = this;
    const { server, network, cable } = factory;
    switch (kill.victim) {
      case 'station':
        station.child.kill('SIGKILL');
        await station.ended;
        cable.hangUp();
        network.hangUp();
        break;
      case 'server':
        // In an outage it is gone already, and comes back just now.
        if (server !== undefined) await factory.kill(server);
        if (server === undefined || !kill.late) this.#restoring.push(factory.serve());
        break;
      case 'connection':
        if (steps[kill.step]?.kind === 'outage') await network.open();
        else if (kill.late) await network.shut();
        else network.hangUp();
        break;
      case 'module':
        await module.cut();
        cable.hangUp();
        if (!kill.late) this.#restoring.push(module.start());
        break;
    }
  }

  /** As whoever sees to power, cable and processes does. */
  async #mend(module: Module): Promise<void> {
    const { factory } = this;
    await Promise.all(this.#restoring);
    this.#restoring = [];
    if (factory.server === undefined) await factory.serve();
    await factory.network.open();
    if (!module.isOn) await module.start();
  }

  /** An engineer opens the module and logs in with the password that is revealed; then it is switched off. */
  async #finish(module: Module): Promise<void> {
    const { hwid, at } = module;
    const { engineer } = this.factory;
    const port = ['--port', at, '--hwid', hwid];
    const { unlock } = await ok(engineer.latchkey('unlock', ...port, '--reason', 'does it open', '--json'));
    const { user, password } = await ok(engineer.latchkey('password', unlock.id, '--print', '--json'));
    assert.match(await login(module, user, password), /Password: \r\n~ # $/);
    await ok(engineer.latchkey('lock', '--port', at, '--json'));
    await module.cut();
  }
}

/** Types at the module's console. @returns what it said */
async function login({ console }: Module, ...typed: string[]): Promise<string> {
  const socket = connect(Number(new URL(console).port), '127.0.0.1');
  let said = '';
  for (const line of ['', ...typed]) {
    const before = said.length;
    socket.write(`${line}\r`);
    while (!/(?:login: |Password: |# )$/.test(said.slice(before)))
      said += String((await once(socket, 'data'))[0]);
  }
  socket.destroy();
  return said;
}
