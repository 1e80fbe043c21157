import { join } from 'node:path';
import { imeiOf } from '../../cli/line/line.ts';
import { type Program, run } from '../../fixture/program.ts';

/** A simulated module on tcp ports: a process for as long as it has power. */
export class Module {
  readonly hwid: string;
  readonly imei: string;
  /** Directory that is its flash. */
  readonly flash: string;
  readonly #roots: string;
  #program: Program | undefined;
  #at = '';
  #console = '';

  /** @param roots file with the root keys of its firmware */
  constructor(place: number, dir: string, roots: string) {
    this.hwid = `LINE-${String(place).padStart(8, '0')}`;
    this.imei = imeiOf(place);
    this.flash = join(dir, this.hwid);
    this.#roots = roots;
  }

  /** `tcp://127.0.0.1:4001`, another one after each start. */
  get at(): string {
    return this.#at;
  }

  get console(): string {
    return this.#console;
  }

  get isOn(): boolean {
    return this.#program !== undefined;
  }

  /** Resolves once its ports are there. */
  async start(): Promise<void> {
    const who = ['--dir', this.flash, '--root', this.#roots, '--hwid', this.hwid, '--imei', this.imei];
    const ports = ['--at', 'tcp:0', '--console', 'tcp:0'];
    const program = run('module/simulator/main.js', ...who, ...ports, '--json');
    const said = JSON.parse(await program.firstLine) as { at: string; console: string };
    [this.#at, this.#console] = [said.at, said.console];
    this.#program = program;
  }

  /** Cuts its power. */
  async cut(): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    program?.child.kill('SIGKILL');
    await program?.ended;
  }
}
