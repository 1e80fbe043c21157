import type { Command } from 'commander';
import { NONCE_LIFE } from '../../protocol/messages.ts';
import { writeBenchFile } from '../bench-file.ts';
import type { Cli } from '../context.ts';
import { durationOption } from '../duration.ts';
import { type PortChoice, portOptions, withModule } from '../module.ts';
import { localTime } from '../output.ts';
import type { Unlock } from '../token.ts';
import { examples, type Start } from '../verb.ts';
import { DEFAULT_SECONDS, scopeOption } from './unlock.ts';

interface Options extends PortChoice {
  readonly scope: Unlock['scope'];
  readonly for?: number;
  readonly out: string;
}

export function challenge(program: Command, start: Start): void {
  portOptions(
    program
      .command('challenge')
      .summary('take a module’s challenge to where there is a network')
      .description(
        'For a bench without network: write the module’s challenge and receipts into a file. ' +
          'Then, on a computer with network: latchkey unlock --challenge FILE. Then here: latchkey apply. ' +
          'The challenge lives for ten minutes, and until the module restarts or makes another.',
      ),
  )
    .addOption(scopeOption())
    .option('--for <duration>', 'how long to open: 15m, 900s (default: 15m)', durationOption)
    .requiredOption('--out <file>', 'the file to write')
    .addHelpText('after', examples('latchkey challenge --port /dev/ttyUSB2 --for 15m --out bench.json'))
    .action(async (options: Options, command: Command) => run(start(command), options));
}

async function run(cli: Cli, options: Options): Promise<void> {
  const { scope, for: seconds = DEFAULT_SECONDS, out: file } = options;
  await withModule(cli, options, async (module) => {
    const { hwid, imei, key } = await module.identity();
    const receipts = await module.receipts();
    const made = cli.clock();
    const jws = await module.challenge(scope, seconds);
    writeBenchFile(file, {
      latchkey: 'challenge/1',
      ...{ hwid, imei, key: { x: key.x, y: key.y }, manifest: module.found.manifest },
      ...{ challenge: jws, made: made.toISOString(), receipts },
    });
    const until = new Date(made.getTime() + NONCE_LIFE * 1000);
    cli.out.result(
      { file, hwid, imei, scope, seconds, until },
      `The challenge of module ${hwid} (IMEI ${imei}) is in ${file}, good until ${localTime(until)}.`,
      `  with network   latchkey unlock --challenge ${file} --out token.json --reason "…"`,
      `  then here      latchkey apply token.json --port ${options.port}`,
    );
  });
}
