import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { pageOf } from '../../protocol/api/list.ts';
import { Doubt, DoubtfulPassword } from '../../protocol/api/passwords.ts';
import type { Cli } from '../context.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

type Doubtful = z.output<typeof DoubtfulPassword>;
type Why = Doubtful['why'];

interface Filter {
  readonly why?: Why;
  readonly limit?: number;
}

/** What each doubt means, and the step that ends it. */
const words: Readonly<Record<Why, readonly [means: string, next: string]>> = {
  unanswered: [
    'a token brought the module a new password, and the module has not said whether it took it',
    'Fetch its receipts (latchkey receipts --port PORT), or unlock it again: its challenge says.',
  ],
  'no-password': [
    'the module has no password, so that nobody can log in',
    'Nothing is wrong with one that was provisioned offline. The next unlock brings a password.',
  ],
  'not-held': [
    'the module names a password version that this server never sent',
    'Find out where it came from: latchkey events list --hwid MODULE. The next unlock replaces it.',
  ],
  'went-back': [
    'the module names a lower password version than before: its flash was set back',
    'Find out who did that. Unlock it, show its password once, and the unlock after that replaces it.',
  ],
};

export function passwords(program: Command, start: Start): void {
  const group = program
    .command('passwords')
    .summary('modules whose password is in doubt')
    .description(
      'What is known of the modules’ passwords; none is shown. For officers and auditors: doubtful.',
    );
  limitOption(group.command('doubtful'))
    .description('List the modules of which it is not known which password is in force, why, and what to do.')
    .addOption(new Option('--why <why>', 'only those in doubt for this reason').choices(Doubt.options))
    .addHelpText(
      'after',
      examples('latchkey passwords doubtful', 'latchkey passwords doubtful --why not-held'),
    )
    .action(async (filter: Filter, command: Command) => listDoubtful(start(command), filter));
}

async function listDoubtful(cli: Cli, { why, limit }: Filter): Promise<void> {
  const found = await withServer(cli, ({ client }) =>
    list(client, '/v1/passwords/doubtful', pageOf(DoubtfulPassword), { why }, limit),
  );
  const rows = found.items.map((one) => [
    ...[one.hwid, one.why, String(one.reported ?? '')],
    ...[String(one.sent), localTime(one.since), one.unlock ?? ''],
  ]);
  const heading = ['MODULE', 'WHY', 'NAMES', 'SENT', 'SINCE', 'UNLOCK'];
  cli.out.result(found, ...table([heading, ...rows]), ...cut(found.more), ...legend(found.items));
}

/** Each reason that stands in the list, once. */
function legend(items: readonly Doubtful[]): string[] {
  if (items.length === 0) return ['No password is in doubt.'];
  const reasons = Doubt.options.filter((why) => items.some((one) => one.why === why));
  return reasons.flatMap((why) => ['', `${why}: ${words[why][0]}.`, `  ${words[why][1]}`]);
}
