import type { Command } from 'commander';
import { Failure } from '../failure.ts';

/** `help unlock`, and for verbs with verbs under them `help unlocks list`: what `--help` behind them says. */
export function help(program: Command): void {
  program
    .command('help')
    .summary('explain a verb')
    .description('Explain a verb: what it does, its options, examples.')
    .argument('[verb...]', 'which; without one, all are listed')
    .action((names: readonly string[]) => {
      let command = program;
      for (const name of names) command = demandVerb(command, name);
      command.outputHelp();
    });
}

function demandVerb(command: Command, name: string): Command {
  const found = command.commands.find((one) => one.name() === name);
  if (found !== undefined) return found;
  throw new Failure('usage', 'usage', `There is no verb ${name}.`, {
    next: `There are ${command.commands.map((one) => one.name()).join(', ')}.`,
  });
}
