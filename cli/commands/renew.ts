import type { Command } from 'commander';
import { localTime } from '../output.ts';
import { demandProfile } from '../profile.ts';
import { lifeOf, renew as renewCertificate } from '../renewal.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function renew(program: Command, start: Start): void {
  program
    .command('renew')
    .summary('renew the certificate now')
    .description(
      'Renew the certificate, with a new key. Every command does it by itself once a third of the life is left.',
    )
    .addHelpText('after', examples('latchkey renew'))
    .action(async (_options: unknown, command: Command) => {
      const cli = start(command);
      const profile = demandProfile(cli.home);
      const { certificate } = await renewCertificate(cli, profile, true);
      await withServer(cli, async () => {});
      const { expires } = lifeOf(certificate, cli.clock());
      cli.out.result(
        { principal: profile.principal, serial: certificate.serialNumber.toLowerCase(), expires },
        `The certificate of ${profile.principal} is good until ${localTime(expires)}.`,
      );
    });
}
