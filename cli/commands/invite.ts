import type { Command } from 'commander';
import { EnrolmentAnswer } from '../../protocol/api/enrolments.ts';
import { Failure } from '../failure.ts';
import { givenName } from '../given.ts';
import { localTime } from '../output.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { addPrincipal, roleOption } from './principals.ts';

export function invite(program: Command, start: Start): void {
  program
    .command('invite')
    .summary('make an enrolment code (officers)')
    .description(
      'Make a single-use enrolment code for somebody; with --role, somebody new. Give it to them over a channel that ' +
        'nobody else reads: whoever redeems it first is them.',
    )
    .argument('<name>', 'who', givenName)
    .addOption(roleOption())
    .addHelpText(
      'after',
      examples(
        'latchkey invite alice --role engineer',
        'latchkey invite line-7 --role station',
        'latchkey invite alice',
      ),
    )
    .action(async (name: string, { role }: { role?: string[] }, command: Command) => {
      const cli = start(command);
      const { enrolment, code } = await withServer(cli, async ({ client }) => {
        if (role !== undefined) await addPrincipal(client, name, role, cli.uuid());
        const idempotencyKey = cli.uuid();
        const asked = client.post('/v1/enrolments', EnrolmentAnswer, { principal: name }, { idempotencyKey });
        return asked.catch((error: unknown) => {
          throw unknownName(error, name);
        });
      });
      if (code === null) {
        throw new Failure('failure', 'code-gone', `The code for ${name} ended before it came.`, {
          next: `Make another: latchkey invite ${name}`,
        });
      }
      cli.out.result(
        { ...enrolment, code },
        `Until ${localTime(enrolment.expires)}, once, ${name} enrols with this code, which latchkey enroll asks for:`,
        '',
        `  ${code}`,
      );
    });
}

/** Most who name nobody mean somebody new. */
function unknownName(error: unknown, name: string): unknown {
  if (!(error instanceof Failure) || error.code !== 'not-found') return error;
  const { exit, code, message, details } = error;
  const next = `Add somebody new with a role: latchkey invite ${name} --role engineer. Who is here: latchkey principals list`;
  return new Failure(exit, code, message, { next, details });
}
