import { type Command, InvalidArgumentError, Option } from 'commander';
import { CertificateAnswer, Serial } from '../../protocol/api/certificates.ts';
import { PrincipalAnswer } from '../../protocol/api/principals.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { givenName } from '../given.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function revoke(program: Command, start: Start): void {
  program
    .command('revoke')
    .summary('shut somebody out, or revoke a certificate (officers)')
    .description(
      'Shut a person or a station out at once, with all their certificates; or revoke one certificate, by its serial, ' +
        'with all that it was renewed from and into. Either way, unused codes are withdrawn, those for them and those that they made. ' +
        'One’s own certificates anybody may revoke.',
    )
    .argument('[name]', 'who is to be shut out', givenName)
    .addOption(new Option('--serial <serial>', 'revoke this certificate instead').argParser(serialOption))
    .addHelpText('after', examples('latchkey revoke alice', 'latchkey revoke --serial 4f3a09…'))
    .action(async (name: string | undefined, { serial }: { serial?: string }, command: Command) => {
      const cli = start(command);
      if (name !== undefined && serial === undefined) return shutOut(cli, name);
      if (name === undefined && serial !== undefined) return revokeCertificate(cli, serial);
      throw new Failure('usage', 'usage', 'Give either a name or --serial.', {
        next: 'Run: latchkey help revoke',
      });
    });
}

async function shutOut(cli: Cli, name: string): Promise<void> {
  const path = `/v1/principals/${encodeURIComponent(name)}/disable`;
  const { principal } = await withServer(cli, ({ client }) => client.post(path, PrincipalAnswer));
  cli.out.result(
    principal,
    `${principal.name} is shut out: their certificates are revoked, unused codes withdrawn.`,
  );
}

async function revokeCertificate(cli: Cli, serial: string): Promise<void> {
  const path = `/v1/certificates/${serial}/revoke`;
  const { certificate } = await withServer(cli, ({ client }) => client.post(path, CertificateAnswer));
  const { principal, state } = certificate;
  cli.out.result(certificate, `Certificate ${serial} of ${principal} is ${state}.`);
}

function serialOption(text: string): string {
  const serial = text.toLowerCase();
  if (Serial.safeParse(serial).success) return serial;
  throw new InvalidArgumentError('It takes hexadecimal digits, as latchkey whoami --json shows them.');
}
