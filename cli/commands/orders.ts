import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { pageOf } from '../../protocol/api/list.ts';
import { NewOrder, OrderAnswer, OrderChange, Order as OrderSchema } from '../../protocol/api/orders.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { givenName, givenOrder } from '../given.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

type Order = z.output<typeof OrderSchema>;

interface Content {
  readonly quantity?: number;
  readonly station?: string[];
}

/** What ends an order or takes that back: the path, and what it is for. */
const endings = {
  close: 'Register no further module for an order; what is registered stays.',
  reopen: 'Register modules for a closed order again.',
} as const;

export function orders(program: Command, start: Start): void {
  const group = program
    .command('orders')
    .summary('production orders: how many modules, at which stations')
    .description('Production orders: list, show; for officers create, change, close, reopen.');
  contentOptions(
    group
      .command('create')
      .description('Make an order, and give it to stations. Run again, it changes nothing. For officers.')
      .argument('<order>', 'its name', givenOrder),
    true,
  )
    .addHelpText('after', examples('latchkey orders create A-7731 --quantity 5000 --station line-7 line-8'))
    .action(async (name: string, { quantity, station = [] }: Content, command: Command) => {
      const body = demandFit(NewOrder, { name, quantity, stations: station });
      await post(start(command), '/v1/orders', body, (one) => `Order ${one.name} is here: ${content(one)}.`);
    });
  limitOption(group.command('list').description('List orders, by name.'))
    .addOption(new Option('--state <state>', 'only in this state').choices(OrderSchema.shape.state.options))
    .option('--station <name>', 'only those given to this station', givenName)
    .addHelpText('after', examples('latchkey orders list --station line-7 --state open'))
    .action(async ({ limit, ...filter }: Filter, command: Command) =>
      listOrders(start(command), filter, limit),
    );
  group
    .command('show')
    .description('Show one order, and what became of its modules.')
    .argument('<order>', 'its name', givenOrder)
    .addHelpText('after', examples('latchkey orders show A-7731'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const one = await withServer(cli, ({ client }) => client.get(pathOf(name), OrderSchema));
      cli.out.result(one, ...table(describe(one)));
    });
  whyOption(
    contentOptions(
      group
        .command('change')
        .description(
          'Change an order. The stations that are given take the place of those that it had. For officers.',
        )
        .argument('<order>', 'its name', givenOrder),
      false,
    ),
  )
    .addHelpText(
      'after',
      examples('latchkey orders change A-7731 --quantity 6000 --why "customer wants more"'),
    )
    .action(async (name: string, { quantity, station, why }: Content & Reason, command: Command) => {
      const body = demandFit(OrderChange, { quantity, stations: station, why });
      await post(start(command), `${pathOf(name)}/change`, body, (one) => `Order ${name}: ${content(one)}.`);
    });
  for (const [verb, words] of Object.entries(endings)) {
    whyOption(
      group.command(verb).description(`${words} For officers.`).argument('<order>', 'its name', givenOrder),
    )
      .addHelpText('after', examples(`latchkey orders ${verb} A-7731 --why "delivered"`))
      .action(async (name: string, { why }: Reason, command: Command) => {
        await post(
          start(command),
          `${pathOf(name)}/${verb}`,
          { why },
          ({ state }) => `Order ${name} is ${state}.`,
        );
      });
  }
}

interface Filter {
  readonly state?: string;
  readonly station?: string;
  readonly limit?: number;
}

interface Reason {
  readonly why: string;
}

async function post(cli: Cli, path: string, body: unknown, line: (order: Order) => string): Promise<void> {
  const { order } = await withServer(cli, ({ client }) => client.post(path, OrderAnswer, body));
  cli.out.result(order, line(order));
}

async function listOrders(cli: Cli, filter: Omit<Filter, 'limit'>, limit?: number): Promise<void> {
  const found = await withServer(cli, ({ client }) =>
    list(client, '/v1/orders', pageOf(OrderSchema), { ...filter }, limit),
  );
  const rows = found.items.map((one) => [
    ...[one.name, one.state, ...counts(one).map(String)],
    one.stations.join(', '),
  ]);
  const heading = ['ORDER', 'STATE', 'ORDERED', 'REGISTERED', 'CONFIRMED', 'FAILED', 'STATIONS'];
  cli.out.result(found, ...table([heading, ...rows]), ...cut(found.more));
}

function describe(one: Order): string[][] {
  const [ordered = 0, registered = 0, confirmed = 0, failed = 0] = counts(one);
  return [
    ['order', one.name],
    ['state', one.state],
    ['stations', one.stations.join(', ') || 'none'],
    ['ordered', String(ordered)],
    ['registered', `${registered}, ${ordered - registered} to go`],
    ['confirmed', `${confirmed}, ${registered - confirmed} without a receipt`],
    ['failed', String(failed)],
    ['created', localTime(one.created)],
    ...(one.closed === null ? [] : [['closed', localTime(one.closed)]]),
  ];
}

function counts({ quantity, registered, confirmed, failed }: Order): number[] {
  return [quantity, registered, confirmed, failed];
}

function content({ quantity, stations }: Order): string {
  return `${quantity} modules, given to ${stations.join(', ') || 'no station yet'}`;
}

function contentOptions(command: Command, whole: boolean): Command {
  const quantity = new Option('--quantity <count>', 'how many modules are ordered').argParser(countOption);
  return command
    .addOption(whole ? quantity.makeOptionMandatory() : quantity)
    .option('--station <name...>', 'the stations that make it');
}

function whyOption(command: Command): Command {
  return command.requiredOption('--why <text>', 'why; it stands in the log');
}

/** The api's own rules, before anything is sent. */
function demandFit<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'order';
  throw new Failure('usage', 'usage', `The ${where} cannot be sent: ${issue?.message ?? ''}.`);
}

function countOption(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes a number from 1.');
}

function pathOf(name: string): string {
  return `/v1/orders/${encodeURIComponent(name)}`;
}
