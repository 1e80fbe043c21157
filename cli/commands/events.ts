import { type Command, Option } from 'commander';
import { EventEntry } from '../../protocol/api/events.ts';
import { pageOf } from '../../protocol/api/list.ts';
import { eventTypes } from '../../protocol/events.ts';
import type { Cli } from '../context.ts';
import { asFailure, Failure } from '../failure.ts';
import { givenHwid, givenName, givenUnlock } from '../given.ts';
import { table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { fetchProven } from '../proof.ts';
import { type Session, withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { eventLine } from '../words.ts';

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
/** Milliseconds to wait for a server that is away. */
const AWAY = 5000;

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
        cli.out.result(found, ...found.items.map(eventLine), ...cut(found.more));
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
    const { event, tree } = await fetchProven(cli, session, index);
    const members = Object.entries(event).map(([name, value]) => [name, textOf(value)]);
    const root = Buffer.from(tree.root).toString('base64');
    cli.out.result(
      { index, event, size: tree.size, root },
      eventLine({ index, event }),
      '',
      ...table(members),
      '',
      `proved      event ${index} of ${tree.size} in the log with root ${root}, which this home follows`,
    );
  });
}

/** Prints what happens, and holds the log to it, until Ctrl-C: the way it is meant to end. */
async function watch(cli: Cli, filter: Filter, from: number | undefined): Promise<void> {
  try {
    await withServer(cli, (session) => follow(cli, session, filter, from));
  } catch (error) {
    if (!cli.signal.aborted) throw error;
  }
}

async function follow(cli: Cli, session: Session, filter: Filter, from: number | undefined): Promise<never> {
  const { client } = session;
  const page = pageOf(EventEntry);
  const now = async () => (await client.get(EVENTS, page, { order: 'newest', limit: 1 })).items[0]?.index;
  let after = from ?? (await now());
  cli.out.progress('watching; Ctrl-C ends');
  for (;;) {
    const query = { ...queryOf(filter), after, wait: POLL, limit: 100 };
    const { items } = await patiently(cli, () => client.get(EVENTS, page, query, POLL));
    for (const item of items) cli.out.result(item, eventLine(item));
    after = items.at(-1)?.index ?? after;
    if (items.length > 0) await patiently(cli, () => session.witness());
  }
}

/** A server that is away for a while does not end a watch. */
async function patiently<T>(cli: Cli, work: () => Promise<T>): Promise<T> {
  for (let told = ''; ; ) {
    try {
      return await work();
    } catch (error) {
      const { exit, message } = asFailure(error);
      if (cli.signal.aborted || exit !== 'network') throw error;
      if (message !== told) cli.out.warn(`${message} Trying on; Ctrl-C ends.`);
      told = message;
      await cli.delay(AWAY, cli.signal);
    }
  }
}

function filterOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'only of this type').choices(eventTypes))
    .option('--hwid <hwid>', 'only about this module', givenHwid)
    .option('--unlock <unlock>', 'only about this unlock', givenUnlock)
    .option('--by <name>', 'only what this principal did', givenName)
    .option('--from <time>', 'from this moment on: 2026-03-01, 2026-03-01T14:00', momentOption)
    .option('--to <time>', 'up to this moment', momentOption);
}

function queryOf({ type, hwid, unlock, by, from, to }: Filter): Record<string, string | undefined> {
  return { type, hwid, unlock, by, from, to };
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
