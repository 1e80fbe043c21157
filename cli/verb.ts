import type { Command } from 'commander';
import type { Cli } from './context.ts';

/** Makes what a command works with, from the options given to it and to the whole program. */
export type Start = (command: Command) => Cli;

/** The end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
