import type { Command } from 'commander';
import { deliverWaiting, postponing } from '../delivery.ts';
import { type PortChoice, portOptions, withModule } from '../module.ts';
import { readProfile } from '../profile.ts';
import { claimsOf, collectReceipts, keepReceipts } from '../receipts.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function lock(program: Command, start: Start): void {
  portOptions(
    program
      .command('lock')
      .summary('lock a module now')
      .description(
        'Lock the module at a port: its session ends with all its processes. Needs no server; ' +
          'the receipt goes there now if it can be reached, else with the next contact.',
      ),
  )
    .addHelpText('after', examples('latchkey lock --port /dev/ttyUSB2'))
    .action(async (options: PortChoice, command: Command) => {
      const cli = start(command);
      const enrolled = readProfile(cli.home) !== undefined;
      await withModule(cli, options, async (module) => {
        const { hwid } = module.found;
        const receipt = await module.lock();
        if (enrolled) {
          if (receipt !== undefined) keepReceipts(cli.home, [receipt]);
          await collectReceipts(cli.home, module);
        }
        const elapsed = receipt === undefined ? undefined : claimsOf(receipt)?.elapsed;
        const done = receipt === undefined ? 'was locked already' : `is locked, after ${elapsed} s`;
        cli.out.result({ hwid, already: receipt === undefined, elapsed, receipt }, `Module ${hwid} ${done}.`);
      });
      if (!enrolled) return;
      await postponing(cli, () => withServer(cli, ({ client }) => deliverWaiting(cli, client)));
    });
}
