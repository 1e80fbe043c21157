import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { type Failure, interrupted } from './failure.ts';
import type { Terminal } from './port/console.ts';
import { printable, printableJson } from './printable.ts';

/** Where a command writes and asks: the process's own streams, or a test's. */
export interface Streams {
  readonly stdin: Terminal['input'];
  readonly stdout: Terminal['output'];
  readonly stderr: Terminal['output'];
}

/**
 * What a command says. stdout carries results alone: lines of text or, with --json, one document (or
 * one for each item). Whatever else there is to say goes to stderr.
 */
export class Output {
  readonly json: boolean;
  readonly streams: Streams;

  constructor(streams: Streams, json: boolean) {
    this.streams = streams;
    this.json = json;
  }

  /** A result: `value` with --json, otherwise the lines, each made safe to print. */
  result(value: unknown, ...lines: string[]): void {
    if (this.json) this.streams.stdout.write(`${printableJson(value)}\n`);
    else for (const line of lines) this.streams.stdout.write(`${printable(line)}\n`);
  }

  /** Waits while whoever reads stdout is behind: what is printed must not gather in memory. */
  async drained(signal: AbortSignal): Promise<void> {
    const { stdout } = this.streams;
    if (stdout.writableNeedDrain) await once(stdout, 'drain', { signal });
  }

  /** How it goes, for the person who waits: only where stderr is a terminal. */
  progress(line: string): void {
    if (this.streams.stderr.isTTY === true) this.streams.stderr.write(`· ${printable(line)}\n`);
  }

  /** Something the user should know although the command goes on. */
  warn(line: string): void {
    const warning = this.json ? printableJson({ warning: line }) : `latchkey: warning: ${printable(line)}`;
    this.streams.stderr.write(`${warning}\n`);
  }

  fail(failure: Failure): void {
    const { code, message, next, details } = failure;
    if (this.json) {
      this.streams.stderr.write(`${printableJson({ error: { ...details, code, message, next } })}\n`);
      return;
    }
    this.streams.stderr.write(`latchkey: ${printable(message)}\n`);
    if (next !== undefined) this.streams.stderr.write(`          ${printable(next)}\n`);
    if (code === 'unexpected') this.streams.stderr.write(`${stackOf(failure.cause)}\n`);
  }

  /** True where a person can be asked. */
  get interactive(): boolean {
    return this.streams.stdin.isTTY === true && this.streams.stderr.isTTY === true;
  }

  /** Asks on the terminal. @returns whether the answer was yes */
  async confirm(question: string, signal: AbortSignal): Promise<boolean> {
    return /^y(es)?$/i.test((await this.ask(`${question} [y/N]`, signal)).trim());
  }

  /** Asks on the terminal. @returns the line that was typed */
  async ask(question: string, signal: AbortSignal): Promise<string> {
    const lines = createInterface({ input: this.streams.stdin, output: this.streams.stderr });
    lines.once('SIGINT', () => lines.close());
    const closed = new Promise<never>((_, reject) => lines.once('close', () => reject(interrupted())));
    try {
      return await Promise.race([lines.question(`${printable(question)} `, { signal }), closed]);
    } finally {
      lines.close();
    }
  }
}

function stackOf(cause: unknown): string {
  return (cause instanceof Error ? (cause.stack ?? '') : '').split('\n').map(printable).join('\n');
}

/** Rows under each other, columns aligned; the last column runs free. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A moment in the user's own time, as `2026-03-01 14:05:09`; --json shows UTC. */
export function localTime(moment: string | Date): string {
  const date = new Date(moment);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
