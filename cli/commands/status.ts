import type { Command } from 'commander';
import { describe, type PortChoice, portOptions, withModule } from '../module.ts';
import { table } from '../output.ts';
import { readProfile } from '../profile.ts';
import { claimsOf, collectReceipts } from '../receipts.ts';
import { examples, type Start } from '../verb.ts';

export function status(program: Command, start: Start): void {
  portOptions(
    program
      .command('status')
      .summary('what a module says of itself')
      .description(
        'Ask the module at a port who and how it is. Needs no server; what it says is not proved by this.',
      ),
  )
    .addHelpText(
      'after',
      examples('latchkey status --port /dev/ttyUSB2', 'latchkey status --port COM5 --json'),
    )
    .action(async (options: PortChoice, command: Command) => {
      const cli = start(command);
      await withModule(cli, options, async (module) => {
        const { found } = module;
        const { imei, key } = await module.identity();
        const enrolled = readProfile(cli.home) !== undefined;
        const fresh = enrolled ? await collectReceipts(cli.home, module) : [];
        const rows = [
          ['module', found.hwid],
          ['IMEI', imei],
          ['state', describe(found)],
          ...(fresh.length === 0
            ? []
            : [['receipts', `${fresh.length} that the server may not have; latchkey receipts`]]),
        ];
        const receipts = fresh.map((jws) => ({ jws, claims: claimsOf(jws) }));
        cli.out.result({ ...found, imei, key, receipts }, ...table(rows));
      });
    });
}
