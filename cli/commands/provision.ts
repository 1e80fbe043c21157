import { type Command, InvalidArgumentError } from 'commander';
import { ModuleAnswer, Order, RegisteredModule } from '../../protocol/api.ts';
import { checkBundle } from '../../protocol/checks.ts';
import { cmeErrors } from '../../protocol/cme.ts';
import { thumbprint } from '../../protocol/jwk.ts';
import type { Cli } from '../context.ts';
import { deliverWaiting, postponing } from '../delivery.ts';
import { Failure } from '../failure.ts';
import {
  choiceOptions,
  demandModule,
  type ModuleChoice,
  type PortChoice,
  portOptions,
  updateModule,
  withModule,
} from '../module.ts';
import type { ModuleClient, ModuleIdentity } from '../port/module.ts';
import { collectReceipts, keepReceipts } from '../receipts.ts';
import { type Session, withServer } from '../session.ts';
import type { Trusted } from '../trust.ts';
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
          'Register the module at a port, hand it the keys and its bundle, and confirm with its receipt.\n' +
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
  demandBundle(registered.bundle, identity, trusted);
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

/** By the module's own rules, before it gets it. @throws Failure `bundle-unfit` */
function demandBundle(bundle: string, { hwid, key }: ModuleIdentity, { iss, issuers }: Trusted): void {
  const state = { provisioned: false, hwid, dkt: thumbprint(key), iss, keys: issuers, pwv: 0 };
  const verdict = checkBundle(bundle, state);
  if (verdict.ok) return;
  throw new Failure(
    'verification',
    'bundle-unfit',
    `The bundle for module ${hwid} is not fit for it: ${cmeErrors[verdict.cme]}.`,
    {
      next: 'The module did not get it. Show this to an officer.',
    },
  );
}

function orderOption(text: string): string {
  if (Order.safeParse(text).success) return text;
  throw new InvalidArgumentError('It takes 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit.');
}
