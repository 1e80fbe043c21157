import type { Command } from 'commander';
import { Whoami } from '../../protocol/api/certificates.ts';
import { formatDuration } from '../duration.ts';
import { localTime, table } from '../output.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function whoami(program: Command, start: Start): void {
  program
    .command('whoami')
    .summary('who this is to the server, and until when')
    .description('Say who this is to the server, with which roles, and how long the certificate is good.')
    .addHelpText('after', examples('latchkey whoami', 'latchkey whoami --json'))
    .action(async (_options: unknown, command: Command) => {
      const cli = start(command);
      const me = await withServer(cli, ({ client }) => client.get('/v1/whoami', Whoami));
      const { principal, certificate, server } = me;
      const left = (Date.parse(certificate.expires) - cli.clock().getTime()) / 1000;
      const rows = [
        ['name', `${principal.name} (${principal.kind})`],
        ['roles', principal.roles.join(', ')],
        ['certificate', `until ${localTime(certificate.expires)}, ${formatDuration(left)} from now`],
        ['server', `${server.iss}, version ${server.version}`],
        ['home', cli.home.dir],
      ];
      cli.out.result({ ...me, home: cli.home.dir }, ...table(rows));
    });
}
