import type { Command } from 'commander';
import type { Cli } from '../context.ts';
import { baudOption, type PortChoice } from '../module.ts';
import { attachConsole } from '../port/console.ts';
import { usePort } from '../port/open.ts';
import { examples, type Start } from '../verb.ts';

export function console(program: Command, start: Start): void {
  program
    .command('console')
    .summary('attach this terminal to a console port')
    .description(
      'Attach this terminal, or a pipe, to the console of an open module. Ctrl-] leaves it; the module stays open. ' +
        'A console that is locked says nothing at all.',
    )
    .requiredOption('--port <port>', 'the module’s console port: /dev/ttyUSB3, COM6 or tcp://host:port')
    .option('--baud <rate>', 'bits per second of a serial port (default: 115200)', baudOption)
    .addHelpText(
      'after',
      examples(
        'latchkey console --port /dev/ttyUSB3',
        "printf 'root\\r…' | latchkey console --port tcp://rack7:4003",
      ),
    )
    .action(async (options: PortChoice, command: Command) => attach(start(command), options));
}

/** Until Ctrl-], or the end of a pipe. */
export async function attach(cli: Cli, { port, baud }: PortChoice): Promise<void> {
  const { stdin: input, stdout: output } = cli.out.streams;
  await usePort(port, { baud, signal: cli.signal }, async (opened) => {
    cli.out.progress(`attached to ${port}: Enter brings its prompt, Ctrl-] leaves`);
    await attachConsole(opened, { input, output });
  });
  cli.out.progress(`left ${port}`);
}
