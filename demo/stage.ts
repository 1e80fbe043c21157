import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const dist = join(import.meta.dirname, '..');
const programs = {
  latchkey: [process.execPath, join(dist, 'cli/main.js')],
  'latchkey-server': [process.execPath, join(dist, 'server/main.js')],
  'latchkey-module': [process.execPath, join(dist, 'module/simulator/main.js')],
  latchd: [join(dist, '../module/agent/build/host/latchd')],
} as const;
export type Program = keyof typeof programs;

const bold = style(1);
const dim = style(2);

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the story's commands as a user would type them, and prints both. */
export class Stage {
  readonly #dir: string;
  readonly #running: ChildProcess[] = [];
  #closed = false;
  readonly #afterwards: (() => Promise<unknown>)[] = [];
  #chapter = 0;

  /** @param dir where the commands are run; each person's home is in it */
  constructor(dir: string) {
    this.#dir = dir;
  }

  chapter(title: string): void {
    this.#chapter += 1;
    console.log(`\n${bold(`${this.#chapter}. ${title}`)}`);
  }

  say(line: string): void {
    console.log(line);
  }

  /** @param person whose home the command uses; undefined for none */
  async run(person: string | undefined, program: Program, ...args: string[]): Promise<Result> {
    this.#announce(person, program, args);
    const result = await this.quietly(person, program, ...args);
    this.show(result.stdout + result.stderr);
    return result;
  }

  /** As `run`, for commands that must do what they are asked. */
  async demand(person: string | undefined, program: Program, ...args: string[]): Promise<Result> {
    const result = await this.run(person, program, ...args);
    if (result.code !== 0) throw new Error(`${program} ${args[0]} ended with ${result.code}`);
    return result;
  }

  /** Runs without a word, for what the story needs and nobody wants to read. */
  quietly(person: string | undefined, program: Program, ...args: string[]): Promise<Result> {
    return this.#hear(this.#spawn(person, program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** Redeems an enrolment code, which is a secret: it is pasted, so that no argv shows it. */
  async enroll(person: string, code: string): Promise<void> {
    this.#announce(person, 'latchkey', ['enroll']);
    const child = this.#spawn(person, 'latchkey', ['enroll'], { stdio: 'pipe' });
    child.stdin?.end(`${code}\n`);
    const result = await this.#hear(child);
    this.show(result.stdout + result.stderr);
    if (result.code !== 0) throw new Error(`latchkey enroll ended with ${result.code}`);
  }

  async #hear(child: ChildProcess): Promise<Result> {
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    const [[code], out, err] = await Promise.all([once(child, 'close'), text(stdout), text(stderr)]);
    return { code, stdout: out, stderr: err };
  }

  /** Starts a program that goes on in the background, and does not wait for it. */
  start(program: Program, args: string[]): ChildProcess {
    if (this.#closed) throw new Error('the demo has ended');
    this.#announce(undefined, program, [...args, '&']);
    const child = this.#spawn(undefined, program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#running.push(child);
    return child;
  }

  /** A program that goes on in the background. @returns its first line of output that `ready` accepts */
  async background(program: Program, args: string[], ready: (line: string) => boolean): Promise<string> {
    const child = this.start(program, args);
    if (child.stdout === null) throw new Error('no pipe');
    for await (const line of createInterface({ input: child.stdout })) {
      if (!ready(line)) continue;
      child.stdout.resume();
      return line;
    }
    throw new Error(`${program} ended before it was ready`);
  }

  /** Types at a console: Enter, then each line once what it waits for was said. Shows what was said. */
  async converse(person: string, program: Program, args: string[], script: readonly Turn[]): Promise<void> {
    this.#announce(person, program, args);
    const child = this.#spawn(person, program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (child.stdin === null || child.stdout === null) throw new Error('no pipes');
    const turns = [...script];
    let [heard, all] = ['', ''];
    child.stdin.write('\r');
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (said: string) => {
      heard += said;
      all += said;
      const [next] = turns;
      if (next === undefined || !heard.includes(next.until)) return;
      heard = '';
      turns.shift();
      child.stdin?.write(`${next.type}\r`);
      if (turns.length === 0) child.stdin?.end();
    });
    await once(child, 'close');
    this.show(all.replaceAll('\r', ''));
    if (turns.length > 0) throw new Error(`${program} never said ${JSON.stringify(turns[0]?.until)}`);
  }

  show(output: string): void {
    const lines = output.trim();
    if (lines !== '') console.log(lines.replace(/^/gm, '   '));
  }

  /** Ends what was started in the background, the last first. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const child of this.#running.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    for (const act of this.#afterwards) await act();
  }

  /** Has `act` done once all that was started has ended. */
  afterwards(act: () => Promise<unknown>): void {
    this.#afterwards.push(act);
  }

  #announce(person: string | undefined, program: Program, args: readonly string[]): void {
    const typed = [program, ...args].map((word) => (/^[\w./:=@,+&-]+$/.test(word) ? word : `'${word}'`));
    console.log(dim(`${person ?? ''}$ ${typed.join(' ')}`));
  }

  #spawn(person: string | undefined, program: Program, args: readonly string[], options: SpawnOptions) {
    const home = person && { LATCHKEY_HOME: join(this.#dir, 'homes', person) };
    const env = { ...process.env, NO_COLOR: '1', ...home };
    const [file, ...script] = programs[program];
    return spawn(file, [...script, ...args], { ...options, cwd: this.#dir, env });
  }
}

/** What is waited for, and what is typed then. */
export interface Turn {
  readonly until: string;
  readonly type: string;
}

function style(code: number): (line: string) => string {
  const styled = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  return (line) => (styled ? `\x1b[${code}m${line}\x1b[0m` : line);
}
