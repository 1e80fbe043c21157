import type { Command } from 'commander';
import { readBenchReceipts } from '../bench-file.ts';
import type { Cli } from '../context.ts';
import { deliverWaiting } from '../delivery.ts';
import { type PortChoice, portOptions, withModule } from '../module.ts';
import { table } from '../output.ts';
import { collectReceipts, type Delivery, keepReceipts, waitingReceipts } from '../receipts.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

interface Options extends Partial<PortChoice> {
  readonly file?: string;
}

export function receipts(program: Command, start: Start): void {
  portOptions(
    program
      .command('receipts')
      .summary('hand module receipts to the server')
      .description(
        'Hand receipts to the server: those of the module at a port, those in a bench file, and those that wait here.',
      ),
    false,
  )
    .option('--file <file>', 'also those in a file of latchkey challenge or latchkey apply')
    .addHelpText(
      'after',
      examples(
        'latchkey receipts',
        'latchkey receipts --port /dev/ttyUSB2',
        'latchkey receipts --file bench.json',
      ),
    )
    .action(async (options: Options, command: Command) => run(start(command), options));
}

async function run(cli: Cli, { file, port, ...rest }: Options): Promise<void> {
  if (file !== undefined) keepReceipts(cli.home, readBenchReceipts(file));
  if (port !== undefined)
    await withModule(cli, { port, ...rest }, (module) => collectReceipts(cli.home, module));
  const none = waitingReceipts(cli.home).length === 0;
  const deliveries = none ? [] : await withServer(cli, ({ client }) => deliverWaiting(cli, client));
  const rows = deliveries.map(({ claims, status, state }) => [
    claims?.sub ?? '?',
    String(claims?.seq ?? ''),
    claims?.event ?? '',
    claims?.why ?? '',
    status,
    state ?? '',
  ]);
  const heading = ['MODULE', 'SEQ', 'EVENT', 'WHY', 'RESULT', 'UNLOCK IS'];
  cli.out.result(
    { items: deliveries.map(asItem) },
    ...(none ? ['No receipts wait here.'] : table([heading, ...rows])),
  );
}

function asItem({ jws: receipt, claims, status, code, jti, state }: Delivery) {
  return { receipt, claims, status, code, jti, state };
}
