import type { Command } from 'commander';
import { table } from '../output.ts';
import { listPorts } from '../port/list.ts';
import { examples, type Start } from '../verb.ts';

export function ports(program: Command, start: Start): void {
  program
    .command('ports')
    .summary('the serial ports of this computer')
    .description('List the serial ports of this computer, with a guess at which is which. No port is opened.')
    .addHelpText('after', examples('latchkey ports'))
    .action(async (_options: unknown, command: Command) => {
      const { out } = start(command);
      const found = await listPorts();
      const rows = found.map(({ path, description, serial, guess }) => [
        path,
        guess === undefined ? '' : `${guess.maker} ${guess.use}`,
        [description, serial].filter((part) => part !== undefined).join(' '),
      ]);
      const none = ['This computer has no serial ports; a port of another is tcp://host:port.'];
      out.result(
        { items: found },
        ...(rows.length === 0 ? none : table([['PORT', 'PERHAPS', 'DEVICE'], ...rows])),
      );
    });
}
