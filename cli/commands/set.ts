import type { Command } from 'commander';
import type { Line } from '../../protocol/lines.ts';
import { adviceOn } from '../advice.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { givenHwid, givenOrder } from '../given.ts';
import { importLines, type Result } from '../import.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { sender } from './import.ts';

interface Labels {
  readonly customer?: string;
  readonly model?: string;
  readonly order?: string;
}

export function setCommand(group: Command, start: Start): void {
  group
    .command('set')
    .description('Change what a module is labelled with, or the order that it counts in. For officers.')
    .argument('<hwid>', 'its hardware ID', givenHwid)
    .option('--customer <name>', 'whom it is for')
    .option('--model <name>', 'what it is')
    .option('--order <order>', 'the production order', givenOrder)
    .addHelpText('after', examples('latchkey modules set LTE4-00A1B2C3D4E5 --customer "Acme Metering"'))
    .action((hwid: string, labels: Labels, command: Command) => setLabels(start(command), hwid, labels));
}

/** An import of one line. */
async function setLabels(cli: Cli, hwid: string, labels: Labels): Promise<void> {
  if (Object.keys(labels).length === 0)
    throw new Failure(
      'usage',
      'nothing-to-set',
      'Nothing is to be changed: give --customer, --model or --order.',
    );
  let answer: Result | undefined;
  await withServer(cli, () =>
    importLines(cli, sender(cli), one(JSON.stringify({ hwid, ...labels })), (result) => {
      answer = result;
    }),
  );
  const { status, code = 'refused', detail = '' } = answer ?? {};
  if (status === 'refused') throw new Failure('refused', code, detail, { next: adviceOn(code, undefined) });
  const done = status === 'known' ? 'is labelled so already' : 'is labelled';
  cli.out.result({ hwid, status, ...labels }, `Module ${hwid} ${done}.`);
}

async function* one(line: string): AsyncGenerator<Line> {
  yield { number: 1, bytes: Buffer.from(line) };
}
