import { type Command, Option } from 'commander';
import { pageOf } from '../../protocol/api/list.ts';
import { UnlockAnswer, Unlock as UnlockSchema } from '../../protocol/api/unlocks.ts';
import { unlockStates } from '../../protocol/unlock-states.ts';
import { formatDuration } from '../duration.ts';
import { givenHwid, givenName, givenUnlock } from '../given.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { demandProfile } from '../profile.ts';
import { withServer } from '../session.ts';
import type { Unlock } from '../token.ts';
import { examples, type Start } from '../verb.ts';

interface Filter {
  readonly hwid?: string;
  readonly state?: string;
  readonly by?: string;
  readonly mine?: true;
  readonly limit?: number;
}

export function unlocks(program: Command, start: Start): void {
  const group = program
    .command('unlocks')
    .summary('list, show and cancel unlocks')
    .description('Unlocks: list, show, cancel.');
  limitOption(
    group
      .command('list')
      .description('List unlocks, the newest first: one’s own, or all for those who review.'),
  )
    .option('--hwid <hwid>', 'only of this module', givenHwid)
    .addOption(new Option('--state <state>', 'only in this state').choices(unlockStates))
    .option('--by <name>', 'only those that this person asked for', givenName)
    .option('--mine', 'only one’s own')
    .addHelpText(
      'after',
      examples('latchkey unlocks list', 'latchkey unlocks list --hwid LTE4-00A1B2C3D4E5 --state open'),
    )
    .action(async ({ hwid, state, by, mine, limit }: Filter, command: Command) => {
      const cli = start(command);
      const requester = mine ? demandProfile(cli.home).principal : by;
      const found = await withServer(cli, ({ client }) =>
        list(client, '/v1/unlocks', pageOf(UnlockSchema), { hwid, state, requester }, limit),
      );
      const heading = ['UNLOCK', 'MODULE', 'BY', 'STATE', 'CREATED', 'REASON'];
      const rows = found.items.map((one) => [
        ...[one.id, one.hwid, one.requester, one.state, localTime(one.created), one.reason],
      ]);
      cli.out.result(found, ...table([heading, ...rows]), ...cut(found.more));
    });
  group
    .command('show')
    .description('Show one unlock.')
    .argument('<unlock>', 'its id', givenUnlock)
    .addHelpText('after', examples('latchkey unlocks show 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const one = await withServer(cli, ({ client }) =>
        client.get(`/v1/unlocks/${encodeURIComponent(id)}`, UnlockSchema),
      );
      cli.out.result(one, ...table(describe(one)));
    });
  group
    .command('cancel')
    .description('Take an unlock of one’s own back, before its token is out.')
    .argument('<unlock>', 'its id', givenUnlock)
    .addHelpText('after', examples('latchkey unlocks cancel 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const path = `/v1/unlocks/${encodeURIComponent(id)}/cancel`;
      const { unlock } = await withServer(cli, ({ client }) => client.post(path, UnlockAnswer));
      cli.out.result(unlock, `Unlock ${unlock.id} of module ${unlock.hwid} is ${unlock.state}.`);
    });
}

function describe(one: Unlock): string[][] {
  const when = (moment: string | null) => (moment === null ? '' : localTime(moment));
  const rows = [
    ['unlock', one.id],
    ['module', one.hwid],
    ['state', [one.state, one.why ?? ''].filter(Boolean).join(', ')],
    ['asked by', one.requester],
    ['for', `${one.scope}, ${formatDuration(one.seconds)}`],
    ['reason', one.reason],
    ['ticket', one.ticket ?? ''],
    ['created', when(one.created)],
    ['token until', one.issued === null ? when(one.deadline) : ''],
    [
      'issued',
      one.granted === null ? '' : `${when(one.issued)} for ${formatDuration(one.granted)}${times(one)}`,
    ],
    ['opened', when(one.opened)],
    [
      'closed',
      one.elapsed === null ? when(one.closed) : `${when(one.closed)} after ${formatDuration(one.elapsed)}`,
    ],
    ['approvals', one.approvals === 0 ? '' : `${one.approvals} more needed`],
    ['digest', one.digest],
  ];
  return rows.filter(([, value]) => value !== '');
}

function times({ tokens }: Unlock): string {
  return tokens > 1 ? `, token ${tokens} of it` : '';
}
