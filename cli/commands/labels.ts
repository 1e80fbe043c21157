import type { Command } from 'commander';
import { Module } from '../../protocol/api/modules.ts';
import type { Cli } from '../context.ts';
import { givenHwid } from '../given.ts';
import { Journal } from '../line/journal.ts';
import { type Label, LabelFile, labelLine } from '../line/label.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function labels(program: Command, start: Start): void {
  const group = program
    .command('labels')
    .summary('label records of modules')
    .description('What latchkey provision --labels writes: reprint.');
  group
    .command('reprint')
    .description('Give the label record of a module again: hwid,imei,order, as server or journal have it.')
    .argument('<hwid>', 'its hardware ID', givenHwid)
    .option('--labels <file>', 'add it to this file instead of printing it')
    .addHelpText(
      'after',
      examples(
        'latchkey labels reprint LTE4-00A1B2C3D4E5',
        'latchkey labels reprint LTE4-00A1B2C3D4E5 --labels labels.csv',
      ),
    )
    .action(async (hwid: string, { labels: file }: { labels?: string }, command: Command) => {
      const cli = start(command);
      const label = await labelOf(cli, hwid);
      if (file !== undefined) new LabelFile(file).again(label);
      cli.out.result(
        label,
        file === undefined ? labelLine(label) : `The label of ${hwid} is added to ${file}.`,
      );
    });
}

/** A module that was made without a server is in the journal alone. */
async function labelOf(cli: Cli, hwid: string): Promise<Label> {
  const made = new Journal(cli.home, (line) => cli.out.warn(line))
    .waiting()
    .find((entry) => entry.hwid === hwid);
  if (made !== undefined) return { hwid, imei: made.imei, order: made.order };
  const path = `/v1/modules/${encodeURIComponent(hwid)}`;
  const { imei, order } = await withServer(cli, ({ client }) => client.get(path, Module));
  return { hwid, imei: imei ?? undefined, order: order ?? undefined };
}
