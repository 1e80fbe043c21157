import type { Command } from 'commander';
import type { z } from 'zod';
import { PasswordAnswer } from '../../protocol/api/unlocks.ts';
import type { Client } from '../client.ts';
import { findClipboard } from '../clipboard.ts';
import type { Cli } from '../context.ts';
import { durationOption } from '../duration.ts';
import { Failure } from '../failure.ts';
import { givenUnlock } from '../given.ts';
import { withServer } from '../session.ts';
import { showBriefly, tellHowLong, whileLookedAt } from '../showing.ts';
import { examples, type Start } from '../verb.ts';

type Revealed = z.output<typeof PasswordAnswer>;

interface Options {
  readonly clip?: true;
  readonly print?: true;
  readonly clearAfter?: number;
}

/** Seconds that a password stays on screen or clipboard. */
const STAYS = 30;

export function password(program: Command, start: Start): void {
  program
    .command('password')
    .summary('show the password of an unlocked module')
    .description(
      'Show the password that the module’s login asks for, while its unlock is issued or open, and clear it away ' +
        'again. Each showing is an event of the log, and the next token replaces the password.',
    )
    .argument('<unlock>', 'the unlock’s id', givenUnlock)
    .option('--clip', 'put it on the clipboard, and show nothing')
    .option('--clear-after <duration>', 'how long it stays there (default: 30s)', durationOption)
    .option('--print', 'print it and leave it: for a program; what it prints is not cleared')
    .addHelpText(
      'after',
      examples(
        'latchkey password 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
        'latchkey password 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --clip',
      ),
    )
    .action(async (id: string, options: Options, command: Command) => {
      const cli = start(command);
      // Before the password is revealed: that is an event, and makes the next token replace it.
      const deliver = deliveryOf(cli, id, options);
      const revealed = await withServer(cli, ({ client }) => reveal(client, id));
      await deliver(revealed);
    });
}

/** Each call is an event, so that it is sent once. */
export function reveal(client: Client, unlock: string): Promise<Revealed> {
  const path = `/v1/unlocks/${encodeURIComponent(unlock)}/password`;
  return client.post(path, PasswordAnswer, undefined, { repeatable: false });
}

/**
 * Where the password goes.
 * @throws Failure where it could not go there
 */
function deliveryOf(
  cli: Cli,
  unlock: string,
  { clip, print, clearAfter: seconds = STAYS }: Options,
): (revealed: Revealed) => Promise<void> {
  if (clip === true && print === true) throw usage('Give either --clip or --print.');
  if (print === true) return async (revealed) => printOut(cli, unlock, revealed);
  if (clip === true) return clipper(cli, unlock, seconds);
  if (cli.out.json || cli.out.streams.stdout.isTTY !== true) {
    throw usage('There is no terminal that the password could be shown on and cleared from again.');
  }
  return async ({ user, password }) => {
    await showBriefly(cli, `login ${user}   password ${password}`, seconds);
    cli.out.progress('the password is cleared from the screen');
  };
}

function clipper(cli: Cli, unlock: string, seconds: number): (revealed: Revealed) => Promise<void> {
  const terminal = [cli.out.streams.stderr, cli.out.streams.stdout].find(({ isTTY }) => isTTY === true);
  const clipboard = findClipboard(cli.desk, terminal);
  return async ({ hwid, ver, user, password }) => {
    try {
      await clipboard.copy(password);
      const said = { unlock, hwid, ver, user, clipboard: clipboard.name, seconds };
      cli.out.result(said, `login     ${user}`, `password  on the clipboard, by ${clipboard.name}`);
      tellHowLong(cli, seconds);
      await whileLookedAt(cli, seconds);
    } finally {
      await clipboard.clear(password);
    }
    cli.out.progress('the password is cleared from the clipboard');
  };
}

function printOut(cli: Cli, unlock: string, { hwid, ver, user, password }: Revealed): void {
  cli.out.result({ unlock, hwid, ver, user, password }, `login     ${user}`, `password  ${password}`);
}

function usage(message: string): Failure {
  return new Failure('usage', 'usage', message, {
    next: 'For a program that reads it: --print. To the clipboard: --clip. Run: latchkey help password',
  });
}
