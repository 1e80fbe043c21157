import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { pageOf } from '../../protocol/api/list.ts';
import { ModuleAnswer, Module as ModuleSchema } from '../../protocol/api/modules.ts';
import type { Cli } from '../context.ts';
import { givenHwid, givenImei } from '../given.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { setCommand } from './set.ts';

type Module = z.output<typeof ModuleSchema>;

interface Filter {
  readonly imei?: string;
  readonly order?: string;
  readonly state?: string;
  readonly suspected?: true;
  readonly limit?: number;
}

/** What an officer does to a module: the path, and what it is for. */
const tendings = {
  suspend: 'Grant nothing to a module until it is resumed.',
  resume: 'End the suspension of a module.',
  retire: 'Grant nothing to a module any more; it may be provisioned anew with another device key.',
  clear: 'Clear a module of its alarms: a token that this server never issued, a suspected clone.',
  'reset-seq': 'Take a module’s counter from the start again, after its flash was rolled back.',
} as const;

export function modules(program: Command, start: Start): void {
  const group = program
    .command('modules')
    .summary('the modules of this server')
    .description(
      'Modules: list, show, import, export; for officers set, suspend, resume, retire, clear, reset-seq.',
    );
  limitOption(group.command('list').description('List modules, by hardware ID.'))
    .option('--imei <imei>', 'only with this IMEI', givenImei)
    .option('--order <order>', 'only of this production order')
    .addOption(new Option('--state <state>', 'only in this state').choices(ModuleSchema.shape.state.options))
    .option('--suspected', 'only those of which a clone is suspected')
    .addHelpText(
      'after',
      examples('latchkey modules list --order A-7731', 'latchkey modules list --suspected'),
    )
    .action(async (filter: Filter, command: Command) => listModules(start(command), filter));
  group
    .command('show')
    .description('Show one module.')
    .argument('<hwid>', 'its hardware ID', givenHwid)
    .addHelpText('after', examples('latchkey modules show LTE4-00A1B2C3D4E5'))
    .action(async (hwid: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const path = `/v1/modules/${encodeURIComponent(hwid)}`;
      const one = await withServer(cli, ({ client }) => client.get(path, ModuleSchema));
      cli.out.result(one, ...table(describe(one)));
    });
  importCommand(group, start);
  exportCommand(group, start);
  setCommand(group, start);
  for (const [verb, words] of Object.entries(tendings)) {
    group
      .command(verb)
      .description(`${words} For officers.`)
      .argument('<hwid>', 'its hardware ID', givenHwid)
      .requiredOption('--why <text>', 'why; it stands in the log')
      .addHelpText(
        'after',
        examples(`latchkey modules ${verb} LTE4-00A1B2C3D4E5 --why "returned by the customer"`),
      )
      .action(async (hwid: string, { why }: { why: string }, command: Command) => {
        const cli = start(command);
        const path = `/v1/modules/${encodeURIComponent(hwid)}/${verb}`;
        const { module } = await withServer(cli, ({ client }) => client.post(path, ModuleAnswer, { why }));
        cli.out.result(module, `Module ${module.hwid} is ${stateOf(module)}.`);
      });
  }
}

async function listModules(cli: Cli, { suspected, limit, ...filter }: Filter): Promise<void> {
  const query = { ...filter, ...(suspected && { suspected: 'true' }) };
  const found = await withServer(cli, ({ client }) =>
    list(client, '/v1/modules', pageOf(ModuleSchema), query, limit),
  );
  const rows = found.items.map((one) => [
    one.hwid,
    one.imei ?? '',
    one.order ?? '',
    stateOf(one),
    localTime(one.registered),
  ]);
  const heading = ['MODULE', 'IMEI', 'ORDER', 'STATE', 'REGISTERED'];
  cli.out.result(found, ...table([heading, ...rows]), ...cut(found.more));
}

function describe(one: Module): string[][] {
  const rows = [
    ['module', one.hwid],
    ['IMEI', one.imei ?? ''],
    ['order', one.order ?? ''],
    ['customer', one.customer ?? ''],
    ['model', one.model ?? ''],
    ['state', stateOf(one)],
    ['device key', one.dkt],
    ['password', one.pwv === null ? '' : `version ${one.pwv}`],
    ['registered', localTime(one.registered)],
    ['confirmed', one.confirmed === null ? '' : localTime(one.confirmed)],
  ];
  return rows.filter(([, value]) => value !== '');
}

function stateOf({ state, flagged, suspected }: Module): string {
  const clone = suspected === null ? '' : `, a clone is suspected since ${localTime(suspected)}`;
  return flagged
    ? `${state}, flagged: it accepted a token that this server never issued${clone}`
    : `${state}${clone}`;
}
