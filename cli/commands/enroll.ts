import { hash, X509Certificate } from 'node:crypto';
import type { Command } from 'commander';
import { IssuedCertificate } from '../../protocol/api/certificates.ts';
import { KeySet } from '../../protocol/api/keys.ts';
import {
  decodeEnrolmentCode,
  type EnrolmentCode,
  EnrolmentCodeError,
} from '../../protocol/enrolment-code.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { networkFailure, strangerFailure } from '../faults.ts';
import { localTime } from '../output.ts';
import { readIdentity, readProfile, writeProfile } from '../profile.ts';
import { adopt, connect, lifeOf, nextKey, publicHalf } from '../renewal.ts';
import { withServer } from '../session.ts';
import { followManifests } from '../trust.ts';
import { examples, type Start } from '../verb.ts';
import { shownChain } from '../wire.ts';

export function enroll(program: Command, start: Start): void {
  program
    .command('enroll')
    .summary('redeem an enrolment code')
    .description(
      'Redeem an enrolment code: make a key, get a certificate for it, and keep what the code says to trust. ' +
        'It asks for the code, or reads it from standard input where that is no terminal. Run it again with the ' +
        'same code where it was cut off.',
    )
    .argument('[code]', 'the code as one paste; here it can be read by whoever lists processes meanwhile')
    .addHelpText('after', examples('latchkey enroll', 'latchkey enroll < code.txt'))
    .action(async (paste: string | undefined, _options: unknown, command: Command) => {
      const cli = start(command);
      await enrol(cli, readCode(paste === undefined || paste === '-' ? await askCode(cli) : paste));
    });
}

async function enrol(cli: Cli, code: EnrolmentCode): Promise<void> {
  demandRoom(cli, code);
  const ca = await pinnedCa(cli, code);
  const issued = await cli.home.exclusively(cli.signal, () => redeem(cli, code, ca));
  const whom = issued.certificate.principal;
  await withServer(cli, ({ refreshed }) => refreshed());
  const { server } = code;
  cli.out.result(
    { principal: whom, server, iss: issued.iss, expires: issued.certificate.expires, home: cli.home.dir },
    `Enrolled as ${whom} with ${issued.iss} (${server}).`,
    `The certificate is good until ${localTime(issued.certificate.expires)} and renews itself while it is in use.`,
  );
}

/** The roots are checked before the code is spent. The caller holds the home's lock. */
async function redeem(cli: Cli, code: EnrolmentCode, ca: string) {
  const client = connect(cli, { server: code.server, ca });
  try {
    const shown = await client.get('/v1/keys', KeySet);
    const { iss } = followManifests(code.roots, shown.roots, shown.manifests);
    const { key, keyPem } = await nextKey(cli, hash('sha256', code.secret, 'base64url'));
    const redemption = { secret: code.secret, key: publicHalf(key) };
    const issued = await client.post('/v1/enrolments/redeem', IssuedCertificate, redemption);
    const { principal } = issued.certificate;
    writeProfile(cli.home, { version: 1, server: code.server, iss, principal, ca, roots: [...code.roots] });
    adopt(cli, ca, keyPem, issued.pem);
    return issued;
  } finally {
    client.close();
  }
}

/** The CA certificate with the code's fingerprint, PEM, as the server shows it in its handshake. */
async function pinnedCa(cli: Cli, { server, ca }: EnrolmentCode): Promise<string> {
  const chain = await shownChain(server, cli.signal).catch(async (error: unknown) => {
    throw await networkFailure(error, server, cli.clock(), cli.signal);
  });
  const found = chain.find(({ der }) => hash('sha256', der, 'base64url') === ca);
  if (found === undefined) throw strangerFailure(server);
  return new X509Certificate(found.der).toString();
}

/** A home belongs to one server and one set of roots: evidence about another does not mix with it. */
function demandRoom(cli: Cli, code: EnrolmentCode): void {
  const profile = readProfile(cli.home);
  if (profile === undefined) return;
  if (profile.server !== code.server || profile.roots.join() !== code.roots.join()) {
    throw new Failure(
      'usage',
      'home-taken',
      `${cli.home.dir} belongs to ${profile.server}; the code is for ${code.server} or names other roots.`,
      { next: 'Choose another directory: latchkey --home DIR enroll' },
    );
  }
  const identity = readIdentity(cli.home);
  if (identity === undefined || lifeOf(identity.certificate, cli.clock()).over) return;
  cli.out.warn(`this replaces the certificate of ${profile.principal}, whose time is not over`);
}

function readCode(paste: string): EnrolmentCode {
  try {
    return decodeEnrolmentCode(paste);
  } catch (error) {
    if (!(error instanceof EnrolmentCodeError)) throw error;
    if (paste.trim() === '') {
      throw new Failure('usage', error.code, 'No enrolment code was given.', {
        next: 'Run latchkey enroll in a terminal and paste it, or: latchkey enroll < code.txt',
      });
    }
    throw new Failure('usage', error.code, `This is not a whole enrolment code: ${error.message}.`, {
      next: 'Copy it again, from LATCHKEY1- to its end.',
    });
  }
}

/** The code's secret has no place in an argv (DESIGN section 6, order rule 5). */
async function askCode(cli: Cli): Promise<string> {
  if (cli.out.interactive) return cli.out.ask('Paste the enrolment code:', cli.signal);
  let text = '';
  for await (const chunk of cli.out.streams.stdin) text += chunk.toString();
  return text;
}
