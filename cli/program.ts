import { Command, CommanderError } from 'commander';
import { apply } from './commands/apply.ts';
import { bundle } from './commands/bundle.ts';
import { challenge } from './commands/challenge.ts';
import { console } from './commands/console.ts';
import { enroll } from './commands/enroll.ts';
import { events } from './commands/events.ts';
import { help } from './commands/help.ts';
import { invite } from './commands/invite.ts';
import { journal } from './commands/journal.ts';
import { labels } from './commands/labels.ts';
import { lock } from './commands/lock.ts';
import { log } from './commands/log.ts';
import { modules } from './commands/modules.ts';
import { orders } from './commands/orders.ts';
import { password } from './commands/password.ts';
import { passwords } from './commands/passwords.ts';
import { ports } from './commands/ports.ts';
import { principals } from './commands/principals.ts';
import { provision } from './commands/provision.ts';
import { receipts } from './commands/receipts.ts';
import { renew } from './commands/renew.ts';
import { revoke } from './commands/revoke.ts';
import { status } from './commands/status.ts';
import { tlsKey } from './commands/tls-key.ts';
import { unlock } from './commands/unlock.ts';
import { unlocks } from './commands/unlocks.ts';
import { verify } from './commands/verify.ts';
import { whoami } from './commands/whoami.ts';
import type { Cli } from './context.ts';
import { exitCode, exitHelp } from './exit.ts';
import { asFailure, Failure } from './failure.ts';
import { Home } from './home.ts';
import { Output, type Streams } from './output.ts';
import type { Start } from './verb.ts';

const verbs = [
  enroll,
  whoami,
  renew,
  ports,
  status,
  unlock,
  console,
  lock,
  challenge,
  apply,
  provision,
  tlsKey,
  journal,
  labels,
  receipts,
  unlocks,
  password,
  passwords,
  events,
  log,
  bundle,
  verify,
  modules,
  orders,
  principals,
  invite,
  revoke,
];

/** What the process gives the program; tests give their own. */
export interface Surroundings extends Omit<Cli, 'home' | 'out'> {
  readonly streams: Streams;
  /** Where the profile lives unless --home says otherwise. */
  readonly home: string;
}

/**
 * Runs one command line.
 * @param args without node and the script
 * @returns the exit code
 */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  // Before the line is parsed, so that what is wrong with it is told in the form that it asks for.
  const out = new Output(surroundings.streams, args.includes('--json'));
  const program = build(surroundings, out);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode('ok');
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCode('ok');
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCode('usage');
    const failure =
      error instanceof CommanderError ? usageFailure(error, verbOf(program, args)) : asFailure(error);
    out.fail(failure);
    return exitCode(failure.exit);
  }
}

function build(surroundings: Surroundings, out: Output): Command {
  const { streams, home, ...rest } = surroundings;
  const program = new Command('latchkey');
  program
    .description('Open the console of an LTE module, with the permission of its server.')
    .version(rest.version, '--version', 'print the version')
    .option('--home <dir>', 'where key, certificate and what is trusted are kept (LATCHKEY_HOME)', home)
    .option('--json', 'results as JSON on standard output, errors as JSON on standard error')
    .helpCommand(false)
    .addHelpText('after', `\n${exitHelp()}`)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      // Errors come back as CommanderError, and are told where all others are.
      writeErr: (text) => streams.stderr.write(text),
      outputError: () => {},
    })
    .exitOverride();
  const start: Start = (command) => {
    const options = command.optsWithGlobals<{ home: string }>();
    return { ...rest, out, home: new Home(options.home) };
  };
  for (const verb of [...verbs, help]) verb(program, start);
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  for (const group of groups) group.helpCommand('help [verb]', 'explain a verb');
  return program;
}

/** The verb, with what stands under it, that a command line means: `unlocks list`; empty where it names none. */
function verbOf(program: Command, args: readonly string[]): string {
  const names: string[] = [];
  let at = program;
  for (const arg of args) {
    const next = at.commands.find((command) => command.name() === arg);
    if (next === undefined) continue;
    at = next;
    names.push(arg);
  }
  return names.join(' ');
}

function usageFailure(error: CommanderError, verb: string): Failure {
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new Failure('usage', 'usage', `${message.charAt(0).toUpperCase()}${message.slice(1)}`, {
    next: verb === '' ? 'The verbs: latchkey help' : `Run: latchkey help ${verb}`,
  });
}
