import { type Command, InvalidArgumentError, Option } from 'commander';
import { Ticket } from '../../protocol/api/unlocks.ts';
import { scopes } from '../../protocol/claims.ts';
import { runErrand } from '../bench.ts';
import type { TokenFile } from '../bench-file.ts';
import type { Cli } from '../context.ts';
import { durationOption, formatDuration } from '../duration.ts';
import { Failure } from '../failure.ts';
import { attachLoggedIn } from '../login.ts';
import { choiceOptions, portOptions } from '../module.ts';
import { type Asked, explainUnlock, type OpenModule, openModule, type Track } from '../opening.ts';
import { localTime } from '../output.ts';
import { withServer } from '../session.ts';
import type { Unlock } from '../token.ts';
import { examples, type Start } from '../verb.ts';
import { attach } from './console.ts';
import { reveal } from './password.ts';

type Options = Partial<Omit<Asked, 'seconds'>> & {
  readonly scope: Unlock['scope'];
  readonly for?: number;
  readonly console?: string;
  readonly login?: true;
  readonly challenge?: string;
  readonly out?: string;
};

export const DEFAULT_SECONDS = 900;

export function unlock(program: Command, start: Start): void {
  const command = program
    .command('unlock')
    .summary('open a module’s console')
    .description(
      'Open the console of the module at a port: ask the server, wait for approval where policy wants it, ' +
        'hand the token to the module. Cut off, the same command goes on where it stopped.',
    );
  choiceOptions(portOptions(command, false))
    .option('--reason <text>', 'why; approvers read it, and it stands in the log')
    .option('--ticket <ticket>', 'the ticket that this work belongs to', ticketOption)
    .addOption(scopeOption())
    .option('--for <duration>', 'how long: 15m, 900s (default: 15m)', durationOption)
    .option('--console <port>', 'then attach to the console at this port; Ctrl-] leaves it')
    .option('--login', 'with --console: log in there first, with a password that is not shown')
    .option('--challenge <file>', 'instead of --port: answer the challenge in a file of latchkey challenge')
    .option('--out <file>', 'with --challenge: the file for latchkey apply')
    .addHelpText(
      'after',
      examples(
        'latchkey unlock --port /dev/ttyUSB2 --hwid LTE4-00A1B2C3D4E5 --reason "drops off the bus" --ticket SUP-1423',
        'latchkey unlock --port tcp://rack7:4002 --imei 490154203237518 --reason "crash dump" --for 30m --console tcp://rack7:4003',
        'latchkey unlock --port /dev/ttyUSB2 --imei 490154203237518 --reason "crash dump" --console /dev/ttyUSB3 --login',
        'latchkey unlock --challenge bench.json --out token.json --reason "no network on the bench"',
      ),
    )
    .action(async (options: Options, self: Command) => runUnlock(start(self), options));
}

async function runUnlock(cli: Cli, options: Options): Promise<void> {
  const { port, challenge, out, reason, ticket, ...rest } = options;
  demandSense(cli, options);
  const track: Track = { unlock: undefined, stage: 'nothing' };
  try {
    await withServer(cli, async (session) => {
      if (port !== undefined) {
        const asked = { ...rest, port, reason, ticket, seconds: options.for ?? DEFAULT_SECONDS };
        const opened = await openModule(cli, session, asked, track);
        track.unlock = opened.unlock;
        tell(cli, port, opened);
      } else if (challenge !== undefined && out !== undefined) {
        const errand = { ...rest, reason, ticket };
        tellFetched(cli, out, await runErrand(cli, session, { challenge, out }, errand, track));
      }
    });
  } catch (error) {
    const failure = explainUnlock(error, track, port ?? 'PORT');
    // What was asked for is done: a server that goes away afterwards does not undo it.
    if (track.stage !== 'open' || failure.exit !== 'network') throw failure;
    cli.out.warn(`the module is open, but the log was not looked at again: ${failure.message}`);
  }
  await attachTo(cli, options, track);
}

/** Attaches to the console where that was asked for, logged in where that was. */
async function attachTo(cli: Cli, { console, baud, login }: Options, { unlock }: Track): Promise<void> {
  if (console === undefined) return;
  const choice = { port: console, ...(baud !== undefined && { baud }) };
  if (login === undefined || unlock === undefined) return attach(cli, choice);
  await attachLoggedIn(cli, choice, () => withServer(cli, ({ client }) => reveal(client, unlock.id)));
}

/** Options that do not go together. */
function demandSense(cli: Cli, { port, challenge, out, console, login, ...options }: Options): void {
  const faults: readonly (readonly [boolean, string])[] = [
    [(port === undefined) === (challenge === undefined), 'Give either --port or --challenge.'],
    [(challenge === undefined) !== (out === undefined), '--challenge and --out go together.'],
    [
      challenge !== undefined && options.for !== undefined,
      'The challenge says for how long; leave --for out.',
    ],
    [
      console !== undefined && cli.out.json,
      '--console and --json do not go together: attach with latchkey console.',
    ],
    [console !== undefined && port === undefined, '--console needs --port.'],
    [login === true && console === undefined, '--login needs --console.'],
    [login === true && options.scope !== 'console', '--login is for the scope console.'],
  ];
  const fault = faults.find(([holds]) => holds);
  if (fault !== undefined)
    throw new Failure('usage', 'usage', fault[1], { next: 'Run: latchkey help unlock' });
}

function tellFetched(cli: Cli, out: string, { token, hwid, unlock: id }: TokenFile): void {
  const what = token === null ? 'newer key manifests' : 'the token';
  cli.out.result(
    { file: out, unlock: id, hwid, token: token !== null },
    `${out} holds ${what} for module ${hwid} (unlock ${id}).`,
    `  at the bench   latchkey apply ${out} --port PORT`,
  );
}

function tell(cli: Cli, port: string, { unlock, seconds, already }: OpenModule): void {
  const until = new Date(cli.clock().getTime() + seconds * 1000);
  const { id, hwid, scope } = unlock;
  const how = already ? 'is open already' : 'is open';
  cli.out.result(
    { unlock, seconds, until, already, port },
    `Module ${hwid} ${how}: ${scope} for ${formatDuration(seconds)}, until ${localTime(until)} (unlock ${id}).`,
    `  its password   latchkey password ${id}`,
    `  lock it        latchkey lock --port ${port}`,
  );
}

export function scopeOption(): Option {
  return new Option('--scope <scope>', 'what to open').choices(scopes).default('console');
}

export function ticketOption(text: string): string {
  if (Ticket.safeParse(text).success) return text;
  throw new InvalidArgumentError('It takes 2 to 64 of A-Z a-z 0-9 . _ # / -, the first a letter or digit.');
}
