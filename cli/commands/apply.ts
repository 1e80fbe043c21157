import type { Command } from 'commander';
import { readBenchFile, TokenFile, writeBenchFile } from '../bench-file.ts';
import type { Cli } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { Failure } from '../failure.ts';
import { demandModule, type PortChoice, portOptions, withModule } from '../module.ts';
import type { ModuleClient } from '../port/module.ts';
import { examples, type Start } from '../verb.ts';

export function apply(program: Command, start: Start): void {
  portOptions(
    program
      .command('apply')
      .summary('hand a module the token that was fetched elsewhere')
      .description(
        'For a bench without network: hand the module what latchkey unlock --challenge wrote, and add the module’s ' +
          'receipts to the file. Later, with network: latchkey receipts --file FILE',
      )
      .argument('<file>', 'the file of latchkey unlock --challenge'),
  )
    .addHelpText('after', examples('latchkey apply token.json --port /dev/ttyUSB2'))
    .action(async (file: string, options: PortChoice, command: Command) =>
      run(start(command), file, options),
    );
}

async function run(cli: Cli, file: string, options: PortChoice): Promise<void> {
  const held = readBenchFile(file, TokenFile, 'latchkey unlock --challenge');
  await withModule(cli, options, async (module) => {
    await demandModule(cli, module, { hwid: held.hwid });
    try {
      await hand(cli, file, held, module, options.port);
    } finally {
      // Also what a refused token leaves behind is for the server to know.
      writeBenchFile(file, { ...held, receipts: await module.receipts().catch(() => held.receipts) });
    }
  });
}

/** The token goes first: an accepted manifest ends the nonce (DESIGN section 4). */
async function hand(
  cli: Cli,
  file: string,
  held: TokenFile,
  module: ModuleClient,
  port: string,
): Promise<void> {
  const { hwid, unlock, token, manifests } = held;
  if (token !== null) {
    cli.out.progress('handing the token to the module');
    const { scope, for: seconds } = await module.unlock(token);
    cli.out.result(
      { hwid, unlock, scope, seconds, file },
      `Module ${hwid} is open: ${scope} for ${formatDuration(seconds)} (unlock ${unlock}).`,
      `  lock it          latchkey lock --port ${port}`,
      `  later, online    latchkey receipts --file ${file}`,
    );
  }
  for (const manifest of manifests) await module.keys(manifest);
  if (token !== null) return;
  throw new Failure(
    'refused',
    'manifest-behind',
    `Module ${hwid} has the newer key manifests now, but there is no token yet.`,
    {
      next: `Make another challenge, which the server can answer now: latchkey challenge --port ${port} --out FILE`,
      details: { unlock },
    },
  );
}
