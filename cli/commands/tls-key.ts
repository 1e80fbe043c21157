import type { Command } from 'commander';
import type { Cli } from '../context.ts';
import { writeFile } from '../file.ts';
import {
  choiceOptions,
  demandModule,
  type ModuleChoice,
  type PortChoice,
  portOptions,
  withModule,
} from '../module.ts';
import { localTime } from '../output.ts';
import { withServer } from '../session.ts';
import { askServer, certifyTlsKey } from '../tls-key.ts';
import { examples, type Start } from '../verb.ts';

interface Options extends PortChoice, ModuleChoice {
  readonly ca?: string;
}

export function tlsKey(program: Command, start: Start): void {
  choiceOptions(
    portOptions(
      program
        .command('tls-key')
        .summary('certify a module’s own TLS key')
        .description(
          'Have the module at a port make its own TLS key, where it has none, and have the server certify it: with it ' +
            'the module proves itself to the customer’s servers. For provisioning stations; the module is provisioned ' +
            'first. Run again, it gets the same certificate.',
        ),
    ),
  )
    .option('--ca <file>', 'also write the CA that the customer’s servers are to trust, as PEM')
    .addHelpText(
      'after',
      examples(
        'latchkey tls-key --port /dev/ttyUSB2 --hwid LTE4-00A1B2C3D4E5',
        'latchkey tls-key --port /dev/ttyUSB2 --imei 490154203237518 --ca device-ca.crt',
      ),
    )
    .action(async (options: Options, command: Command) => run(start(command), options));
}

function run(cli: Cli, options: Options): Promise<void> {
  return withServer(cli, (session) =>
    withModule(cli, options, async (module) => {
      await demandModule(cli, module, options);
      const identity = await module.identity();
      const { hwid } = identity;
      cli.out.progress(`having the TLS key of module ${hwid} certified`);
      const { serial, expires, ca, log } = await certifyTlsKey(module, identity, (csr) =>
        askServer(session, hwid, csr),
      );
      if (options.ca !== undefined) writeFile(options.ca, ca);
      cli.out.result(
        { hwid, serial, expires, ca, log },
        `Module ${hwid} has certificate ${serial} for its TLS key, until ${localTime(expires)}` +
          `${log === null ? '; it is the one that it was given before' : ''}.`,
      );
    }),
  );
}
