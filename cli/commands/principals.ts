import { type Command, Option } from 'commander';
import { pageOf } from '../../protocol/api/list.ts';
import {
  NewPrincipal,
  PrincipalAnswer,
  Principal as PrincipalSchema,
  roles,
} from '../../protocol/api/principals.ts';
import type { Client } from '../client.ts';
import { Failure } from '../failure.ts';
import { givenName } from '../given.ts';
import { localTime, table } from '../output.ts';
import { cut, limitOption, list } from '../paging.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function principals(program: Command, start: Start): void {
  const group = program
    .command('principals')
    .summary('people and stations (officers)')
    .description('People and stations: list, add, enable. For officers; auditors may list.');
  limitOption(group.command('list').description('List people and stations, by name.'))
    .addHelpText('after', examples('latchkey principals list'))
    .action(async ({ limit }: { limit?: number }, command: Command) => {
      const cli = start(command);
      const found = await withServer(cli, ({ client }) =>
        list(client, '/v1/principals', pageOf(PrincipalSchema), {}, limit),
      );
      const rows = found.items.map((one) => [
        one.name,
        one.kind,
        one.roles.join(', '),
        one.state,
        localTime(one.created),
      ]);
      cli.out.result(
        found,
        ...table([['NAME', 'KIND', 'ROLES', 'STATE', 'SINCE'], ...rows]),
        ...cut(found.more),
      );
    });
  group
    .command('add')
    .description('Add a person or a station, without a code yet: latchkey invite makes one.')
    .argument('<name>', '2 to 32 of a-z 0-9 . _ -, the first a letter', givenName)
    .addOption(roleOption().makeOptionMandatory())
    .addHelpText(
      'after',
      examples(
        'latchkey principals add alice --role engineer',
        'latchkey principals add line-7 --role station',
      ),
    )
    .action(async (name: string, { role }: { role: string[] }, command: Command) => {
      const cli = start(command);
      const { principal } = await withServer(cli, ({ client }) =>
        addPrincipal(client, name, role, cli.uuid()),
      );
      cli.out.result(principal, `${principal.name} is here, as ${principal.roles.join(', ')}.`);
    });
  group
    .command('enable')
    .description('Let somebody in again who was shut out; they need a new code.')
    .argument('<name>', 'who', givenName)
    .addHelpText('after', examples('latchkey principals enable alice'))
    .action(async (name: string, _options: unknown, command: Command) => {
      const cli = start(command);
      const path = `/v1/principals/${encodeURIComponent(name)}/enable`;
      const { principal } = await withServer(cli, ({ client }) => client.post(path, PrincipalAnswer));
      cli.out.result(principal, `${principal.name} may enrol again: latchkey invite ${principal.name}`);
    });
}

export function roleOption(): Option {
  return new Option('--role <role...>', 'what they may do; station makes it a station').choices(roles);
}

/** A principal with the role station is a station, any other a person. */
export async function addPrincipal(
  client: Client,
  name: string,
  given: readonly string[],
  idempotencyKey: string,
) {
  const kind = given.includes('station') ? 'station' : 'person';
  const parsed = NewPrincipal.safeParse({ name, kind, roles: given });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Failure(
      'usage',
      'usage',
      `The ${issue?.path.join('.') ?? 'principal'} cannot be sent: ${issue?.message ?? ''}.`,
    );
  }
  return client.post('/v1/principals', PrincipalAnswer, parsed.data, { idempotencyKey });
}
