import type { Command } from 'commander';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { givenOrder } from '../given.ts';
import { runLine } from '../line/run.ts';
import { type SlotChoice, slotsOf } from '../line/slot.ts';
import { choiceOptions, type ModuleChoice, type PortChoice, portOptions } from '../module.ts';
import { examples, type Start } from '../verb.ts';

interface Options extends Omit<PortChoice, 'port'>, SlotChoice, ModuleChoice {
  readonly order: string;
  readonly watch?: true;
  readonly dryRun?: true;
  readonly tlsKey?: true;
  readonly scanner?: true;
  readonly labels?: string;
}

export function provision(program: Command, start: Start): void {
  choiceOptions(
    portOptions(
      program
        .command('provision')
        .summary('make modules belong to this server')
        .description(
          'Register the module at a port, hand it the keys and its bundle, and confirm with its receipt; or up to ' +
            '32 modules of a jig at once, each by itself. For provisioning stations. Run again, it goes on where it ' +
            'was cut off, and changes nothing that is done. Without a server, modules get the offline bundle of the ' +
            'order, and wait in the journal: latchkey journal.',
        ),
      false,
    ),
  )
    .option('--ports <ports>', 'the AT ports of a jig, separated by commas')
    .option('--fixture <file>', 'the same from a file: a line “name: port” for each slot')
    .requiredOption('--order <order>', 'the production order', givenOrder)
    .option('--watch', 'modules come and go: each is provisioned when it is there, until Ctrl-C')
    .option('--tls-key', 'also certify each module’s own TLS key, as latchkey tls-key does')
    .option('--dry-run', 'say what would be done; nothing is written to modules or server')
    .option('--scanner', 'IMEIs come from a barcode scanner on standard input, and must be the modules’ own')
    .option('--labels <file>', 'add a line for each module done: hwid,imei,order')
    .addHelpText(
      'after',
      examples(
        'latchkey provision --port /dev/ttyUSB2 --order A-7731',
        'latchkey provision --fixture jig-3.yaml --order A-7731 --watch --labels labels.csv',
        'latchkey provision --ports tcp://jig:4001,tcp://jig:4002 --order A-7731 --json >> made.ndjson',
      ),
    )
    .action(async (options: Options, command: Command) => run(start(command), options));
}

function run(cli: Cli, options: Options): Promise<void> {
  const slots = slotsOf(options);
  const {
    order,
    baud,
    trace,
    watch = false,
    dryRun = false,
    tlsKey = false,
    labels,
    scanner = false,
  } = options;
  if ((slots.length > 1 || watch) && (options.hwid ?? options.imei) !== undefined) {
    throw new Failure('usage', 'usage', '--hwid and --imei name one module, and there may be several.', {
      next: 'With several modules, --scanner compares each with its label.',
    });
  }
  return runLine(
    cli,
    { slots, order, baud, trace, meant: options, watch, dryRun, tlsKey },
    { labels, scanner },
  );
}
