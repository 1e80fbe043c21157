import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { EventAnswer, EventEntry, pageOf } from '../../protocol/api.ts';
import { eventTypes } from '../../protocol/events.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { proveEvent } from '../proof.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

type Entry = z.output<typeof EventEntry>;

interface Filter {
  readonly type?: string;
  readonly hwid?: string;
  readonly unlock?: string;
  readonly by?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Seconds that the server may hold an answer back while there is no event. */
const POLL = 30;

const EVENTS = '/v1/events';

export function events(program: Command, start: Start): void {
  const group = program
    .command('events')
    .summary('what happened')
    .description(
      'Events of the log: all for auditors and officers, else one’s own and those of one’s unlocks.',
    );
  limitOption(filterOptions(group.command('list').description('List events, the newest first.')))
    .option('--oldest', 'the oldest first')
    .addHelpText(
      'after',
      examples(
        'latchkey events list --hwid LTE4-00A1B2C3D4E5',
        'latchkey events list --from 2026-03-01 --type unlock.issued --json',
      ),
    )
    .action(
      async ({ limit, oldest, ...filter }: Filter & { limit?: number; oldest?: true }, command: Command) => {
        const cli = start(command);
        const query = { ...queryOf(filter), order: oldest ? 'oldest' : 'newest' };
        const found = await withServer(cli, ({ client }) =>
          list(client, EVENTS, pageOf(EventEntry), query, limit),
        );
        cli.out.result(found, ...table(found.items.map(row)), ...cut(found.more));
      },
    );
  group
    .command('show')
    .description('Show one event, and check the proof that the log holds it.')
    .argument('<index>', 'its number in the log, counted from 0', indexOf)
    .addHelpText('after', examples('latchkey events show 4711'))
    .action(async (index: number, _options: unknown, command: Command) => show(start(command), index));
  filterOptions(
    group
      .command('watch')
      .description('Follow events as they happen, until Ctrl-C. With --json one line each.'),
  )
    .option('--after <index>', 'begin behind this event instead of now', indexOf)
    .addHelpText(
      'after',
      examples('latchkey events watch', 'latchkey events watch --type module.foreign-token --json'),
    )
    .action(async ({ after, ...filter }: Filter & { after?: number }, command: Command) =>
      watch(start(command), filter, after),
    );
}

async function show(cli: Cli, index: number): Promise<void> {
  await withServer(cli, async (session) => {
    const { event: proven, checkpoint } = await session.client.get(`${EVENTS}/${index}`, EventAnswer);
    const { size, event } = proveEvent(proven, checkpoint, await session.refreshed());
    const members = Object.entries(event).map(([name, value]) => [name, textOf(value)]);
    cli.out.result(
      { index, event, size },
      ...table([['index', String(index)], ...members]),
      `The log of ${size} events holds it: proved.`,
    );
  });
}

async function watch(cli: Cli, filter: Filter, from: number | undefined): Promise<void> {
  await withServer(cli, async ({ client }) => {
    const page = pageOf(EventEntry);
    const query = queryOf(filter);
    const newest =
      from === undefined ? await client.get(EVENTS, page, { order: 'newest', limit: 1 }) : undefined;
    let after = from ?? newest?.items[0]?.index;
    cli.out.progress('watching; Ctrl-C ends');
    for (;;) {
      const { items } = await client.get(EVENTS, page, { ...query, after, wait: POLL, limit: 100 }, POLL);
      for (const item of items) cli.out.result(item, row(item).join('  '));
      after = items.at(-1)?.index ?? after;
    }
  });
}

function filterOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'only of this type').choices(eventTypes))
    .option('--hwid <hwid>', 'only about this module')
    .option('--unlock <unlock>', 'only about this unlock')
    .option('--by <name>', 'only what this principal did')
    .option('--from <time>', 'from this moment on: 2026-03-01, 2026-03-01T14:00', momentOption)
    .option('--to <time>', 'up to this moment', momentOption);
}

function queryOf({ type, hwid, unlock, by, from, to }: Filter): Record<string, string | undefined> {
  return { type, hwid, unlock, by, from, to };
}

/** The members that say what happened to whom; the rest is in --json. */
const told = [
  'principal',
  'hwid',
  'unlock',
  'scope',
  'seconds',
  'for',
  'event',
  'why',
  'need',
  'code',
  'state',
  'reason',
];

function row({ index, event }: Entry): string[] {
  const { type, at, by, ...members } = event;
  const words = told.flatMap((name) => {
    const value = members[name];
    return value === undefined || value === null ? [] : [`${name} ${textOf(value)}`];
  });
  return [String(index), localTime(at), by, type, words.join(', ')];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A moment in the user's own time, unless it names another zone. */
function momentOption(text: string): string {
  const date = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new Failure('usage', 'usage', `“${text}” is not a time.`, {
    next: 'Write 2026-03-01 or 2026-03-01T14:00.',
  });
}

function indexOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure('usage', 'usage', `“${text}” is not the number of an event.`);
}
