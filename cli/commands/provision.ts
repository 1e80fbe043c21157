import { type Command, InvalidArgumentError } from 'commander';
import { ModuleAnswer, Order, RegisteredModule } from '../../protocol/api/modules.ts';
import type { Cli } from '../context.ts';
import { deliverWaiting, postponing } from '../delivery.ts';
import { demandFitBundle } from '../fit.ts';
import {
  choiceOptions,
  demandModule,
  type ModuleChoice,
  type PortChoice,
  portOptions,
  updateModule,
  withModule,
} from '../module.ts';
import type { ModuleClient } from '../port/module.ts';
import { collectReceipts, keepReceipts } from '../receipts.ts';
import { type Session, withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

interface Options extends PortChoice, ModuleChoice {
  readonly order?: string;
}

export function provision(program: Command, start: Start): void {
  choiceOptions(
    portOptions(
      program
        .command('provision')
        .summary('make a module belong to this server')
        .description(
          'Register the module at a port, hand it the keys and its bundle, and confirm with its receipt. ' +
            'For provisioning stations. Run again, it goes on where it was cut off, and changes nothing that is done.',
        ),
    ),
  )
    .option('--order <order>', 'the production order', orderOption)
    .addHelpText(
      'after',
      examples(
        'latchkey provision --port /dev/ttyUSB2 --order A-7731',
        'latchkey provision --port COM5 --json',
      ),
    )
    .action(async (options: Options, command: Command) => {
      const cli = start(command);
      await withServer(cli, (session) =>
        withModule(cli, options, (module) => provisionModule(cli, session, module, options)),
      );
    });
}

/** status → identity → register → manifests → bundle → receipt → confirm. */
async function provisionModule(
  cli: Cli,
  session: Session,
  module: ModuleClient,
  options: Options,
): Promise<void> {
  const { client } = session;
  const before = module.found.state;
  if (options.hwid !== undefined || options.imei !== undefined) await demandModule(cli, module, options);
  const identity = await module.identity();
  const { hwid, imei, key } = identity;
  const { x, y } = key;
  cli.out.progress('registering the module');
  const registration = {
    hwid,
    imei,
    key: { x, y },
    ...(options.order === undefined ? {} : { order: options.order }),
  };
  const registered = await client.post('/v1/modules', RegisteredModule, registration);
  const trusted = await session.refreshed();
  demandFitBundle(registered.bundle, identity, trusted);
  await updateModule(cli, module, trusted.chain);
  cli.out.progress('handing over the bundle');
  const receipt = await module.provision(registered.bundle);
  keepReceipts(cli.home, [receipt]);
  await collectReceipts(cli.home, module);
  cli.out.progress('confirming with the receipt');
  const { module: confirmed } = await client.post(`/v1/modules/${hwid}/confirm`, ModuleAnswer, { receipt });
  await postponing(cli, () => deliverWaiting(cli, client));
  const done = before === 'unprovisioned' ? 'is provisioned' : 'was provisioned before, and is confirmed';
  cli.out.result(
    { module: confirmed, already: before !== 'unprovisioned', receipt },
    `Module ${hwid} (IMEI ${imei}) ${done}.`,
  );
}

function orderOption(text: string): string {
  if (Order.safeParse(text).success) return text;
  throw new InvalidArgumentError('It takes 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit.');
}
