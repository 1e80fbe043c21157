import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseLine } from '../../../protocol/at/command.ts';
import type { AgentHome } from './home.ts';

const source = resolve(import.meta.dirname, '../../../../module/agent');

/** Longest that an answer may take, in milliseconds: past it the agent hangs. */
const PATIENCE = 20_000;

const FINAL = /\r\n(?:OK|ERROR|\+CME ERROR: \d+)\r\n/;

/** A program and its first arguments. */
export type Program = readonly [string, ...string[]];

/**
 * The test build of latchd: that of the environment's LATCHD (`qemu-arm build/arm-test/latchd`), else this
 * machine's, brought up to date by its Makefile; one make at a time, since test files run side by side.
 * @throws where it does not build
 */
export function buildLatchd(): Program {
  const [given = '', ...rest] = process.env['LATCHD']?.split(' ') ?? [];
  if (given !== '') return [given, ...rest];
  const made = spawnSync('flock', [source, 'make', '--silent', '-C', source, 'test-build'], {
    encoding: 'utf8',
  });
  if (made.status !== 0)
    throw new Error(`make -C module/agent test-build: ${made.stderr}${made.error ?? ''}`);
  return [join(source, 'build/test/latchd')];
}

/** latch-tls of the same build, as a configuration names it: by its whole path, and where that is qemu with a glibc. */
export function tlsKeeper(latchd: Program): Program {
  const keeper = resolve((latchd.at(-1) ?? '').replace(/latchd$/, 'latch-tls'));
  const [emulator] = latchd;
  if (latchd.length === 1) return [keeper];
  const { stdout } = spawnSync('which', [emulator], { encoding: 'utf8' });
  return [stdout.trim(), '-L', '/usr/arm-linux-gnueabihf', keeper];
}

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** latchd on its standard input and output, and what a host types and hears there. */
export class Latchd {
  readonly ended: Promise<End>;
  #end: End | undefined;
  #heard = '';
  #unsolicited: string[] = [];
  #wake: () => void = () => {};
  readonly #child: ChildProcessWithoutNullStreams;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    let stderr = '';
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.#heard += text;
      this.#wake();
    });
    // What is written to an agent that has just ended is lost, as on a port.
    child.stdin.on('error', () => {});
    this.ended = new Promise((resolved) => {
      child.on('close', (code, signal) => {
        this.#end = { code, signal, stderr };
        this.#wake();
        resolved(this.#end);
      });
    });
  }

  /** Starts it and waits for nothing. */
  static spawn(
    [program, ...first]: Program,
    home: AgentHome,
    environment: Readonly<Record<string, string>> = {},
    configuration = home.configuration,
  ): Latchd {
    const env = { PATH: process.env['PATH'], ...home.environment, ...environment };
    return new Latchd(spawn(program, [...first, '-c', configuration], { env, stdio: 'pipe' }));
  }

  /**
   * Starts it and switches its echo off.
   * @throws where it ends instead of answering
   */
  static async start(...args: Parameters<typeof Latchd.spawn>): Promise<Latchd> {
    const latchd = Latchd.spawn(...args);
    await latchd.send('ATE0');
    return latchd;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('latchd did not start');
    return this.#child.pid;
  }

  /** @returns the lines of the answer; none for a line that a module passes over in silence */
  async send(line: string): Promise<readonly string[]> {
    const silent = parseLine(line) === undefined;
    this.#child.stdin.write(`${line}\r${silent ? 'AT\r' : ''}`, 'latin1');
    const lines = this.#sort(await this.#until(FINAL));
    return silent ? lines.slice(0, -1) : lines;
  }

  /** The unsolicited lines since the last call. */
  unsolicited(): readonly string[] {
    return this.#unsolicited.splice(0);
  }

  /** Waits for an unsolicited line. */
  async indication(): Promise<string> {
    this.#sort(await this.#until(/\r\n\+QLATCHIND: .*\r\n/));
    return this.#unsolicited.pop() ?? '';
  }

  /** Types what no answer is waited for. */
  type(text: string): void {
    this.#child.stdin.write(text, 'latin1');
  }

  /** How many bytes of what was typed have not gone out yet. */
  get untyped(): number {
    return this.#child.stdin.writableLength;
  }

  /** The host ends what it types, or hears nothing more, or nothing until it listens again. */
  hangUp(): void {
    this.#child.stdin.end();
  }

  deafen(): void {
    this.#child.stdout.destroy();
  }

  pause(): void {
    this.#child.stdout.pause();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #sort(heard: string): string[] {
    const lines = heard.split(/[\r\n]+/).filter((line) => line !== '');
    const isAnswer = (line: string) => !line.startsWith('+QLATCHIND');
    this.#unsolicited.push(...lines.filter((line) => !isAnswer(line)));
    return lines.filter(isAnswer);
  }

  /** Takes what is heard up to the end of `pattern`, as soon as that is there. */
  async #until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#heard);
      if (found !== null) {
        const end = found.index + found[0].length;
        const taken = this.#heard.slice(0, end);
        this.#heard = this.#heard.slice(end);
        return taken;
      }
      if (this.#end !== undefined) throw new Ended(this.#end);
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolved, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer; heard ${JSON.stringify(this.#heard)}`)),
        PATIENCE,
      );
      this.#wake = () => {
        clearTimeout(timer);
        resolved();
      };
    });
  }
}

/** latchd ended before it answered. */
export class Ended extends Error {
  readonly end: End;

  constructor(end: End) {
    super(`latchd ended with ${end.code ?? end.signal}: ${end.stderr}`);
    this.end = end;
  }
}
