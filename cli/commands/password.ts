import type { Command } from 'commander';
import { PasswordAnswer } from '../../protocol/api/unlocks.ts';
import { givenUnlock } from '../given.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function password(program: Command, start: Start): void {
  program
    .command('password')
    .summary('show the password of an unlocked module')
    .description(
      'Show the password that the module’s login asks for, while its unlock is issued or open. Each showing is an ' +
        'event of the log, and the next token replaces the password.',
    )
    .argument('<unlock>', 'the unlock’s id', givenUnlock)
    .addHelpText('after', examples('latchkey password 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const path = `/v1/unlocks/${encodeURIComponent(id)}/password`;
      const shown = await withServer(cli, ({ client }) =>
        client.post(path, PasswordAnswer, undefined, { repeatable: false }),
      );
      const { hwid, ver, user, password } = shown;
      cli.out.result({ unlock: id, hwid, ver, user, password }, `login     ${user}`, `password  ${password}`);
    });
}
