import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Scope } from '../../protocol/claims.ts';
import { AgentHome } from './agent/home.ts';
import { buildLatchd, Latchd, tlsKeeper } from './agent/latchd.ts';
import { heldManifest, someHash } from './issuer.ts';
import type { ModuleUnderTest, Placed, Setup } from './under-test.ts';

const program = buildLatchd();
const [file, ...first] = program;

const made = new Set<Agent>();

/** Ends every agent of this process and removes what it left; for `afterEach`. */
export async function removeAgents(): Promise<void> {
  await Promise.all([...made].map((agent) => agent.remove()));
}

/** latchd's test build as the conformance suite wants it. */
export async function agentModule(setup: Setup): Promise<Agent> {
  const agent = new Agent(setup);
  if (setup.placed !== undefined) await agent.place(setup.placed);
  await agent.boot();
  return agent;
}

/** latchd's test build in a home of its own, on its standard input and output, with a clock that tests wind. */
export class Agent implements ModuleUnderTest {
  readonly home: AgentHome;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #spawned: Latchd[] = [];

  /** It does not run before `boot`. */
  constructor({ hwid = 'LTE4-00A1B2C3D4E5', imei = '490154203237518', roots, nonces, now }: Setup) {
    this.home = new AgentHome(roots, [hwid], imei, tlsKeeper(program));
    this.#environment = now === undefined ? {} : { LATCHD_TEST_NOW: String(now) };
    writeFileSync(this.home.path('nonces'), Buffer.concat(nonces ?? []));
    made.add(this);
  }

  /** @throws Ended where it ends instead of answering */
  async boot(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const latchd = Latchd.spawn(program, this.home, { ...this.#environment, ...environment });
    this.#spawned.push(latchd);
    await latchd.send('ATE0');
  }

  /** The process that was started last. */
  get latchd(): Latchd {
    const latchd = this.#spawned.at(-1);
    if (latchd === undefined) throw new Error('latchd was not started');
    return latchd;
  }

  send(line: string): Promise<readonly string[]> {
    return this.latchd.send(line);
  }

  unsolicited(): readonly string[] {
    return this.latchd.unsolicited();
  }

  async advance(seconds: number): Promise<void> {
    this.home.advance(seconds);
    this.latchd.kill('SIGUSR1');
    await this.send('AT+QLATCH?');
  }

  async reboot(): Promise<void> {
    await this.kill();
    this.home.endServices('SIGKILL');
    await this.boot();
  }

  async restart(): Promise<void> {
    this.latchd.kill('SIGTERM');
    const { code, stderr } = await this.latchd.ended;
    if (code !== 0) throw new Error(`latchd ended with ${code}: ${stderr}`);
    await this.boot();
  }

  /** Ends latchd, and nothing else, with SIGKILL. */
  async kill(): Promise<void> {
    this.latchd.kill('SIGKILL');
    await this.latchd.ended;
  }

  fail(what: 'flash' | 'service' | 'nothing'): void {
    this.home.fail(what);
  }

  async endService(): Promise<void> {
    this.home.endServices('SIGTERM');
    while ((await this.send('AT+QLATCH?'))[0]?.includes('"open"'));
  }

  running(): Scope | undefined {
    return this.home.serving()[0]?.scope;
  }

  passwordFile(): string | undefined {
    return this.home.password();
  }

  /** Has the test build write a store as if the module had lived. */
  async place({ provisioned, held, manifest, pwv }: Placed): Promise<void> {
    const jws = manifest ?? (held === undefined ? undefined : await heldManifest(held));
    const words = [`provisioned=${provisioned ? 1 : 0}`, `pwv=${pwv}`];
    if (pwv > 0) words.push(`hash=${someHash('placed')}`);
    if (jws !== undefined) {
      writeFileSync(this.home.path('manifest'), jws);
      words.push(`manifest=${this.home.path('manifest')}`);
    }
    const { status, stderr } = spawnSync(file, [...first, '-c', this.home.configuration, 'place', ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], ...this.home.environment },
    });
    if (status !== 0) throw new Error(`latchd place ended with ${status}: ${stderr}`);
  }

  async remove(): Promise<void> {
    made.delete(this);
    for (const latchd of this.#spawned) latchd.kill('SIGKILL');
    await Promise.all(this.#spawned.map(({ ended }) => ended));
    this.home.remove();
  }
}
