import type { Command } from 'commander';
import { verifyUnlockBundle } from '../../protocol/unlock-bundle.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { readBytes } from '../file.ts';
import { readProfile } from '../profile.ts';
import { examples, type Start } from '../verb.ts';
import { reportLines } from '../verify/report.ts';
import { fileRoots, homeRoots } from '../verify/roots.ts';
import { findingWords, provedWords, unprovedWords } from '../verify/words.ts';
import { eventLine } from '../words.ts';

export function verify(program: Command, start: Start): void {
  program
    .command('verify')
    .summary('check a bundle, without a server')
    .description(
      'Check what latchkey bundle wrote, without a server: from the roots that this home trusts, or those given, to ' +
        'every token, event and receipt. Says what is proved and what is not; exit 6 where anything does not hold.',
    )
    .argument('<file>', 'the file of latchkey bundle')
    .option('--root <file...>', 'trust these root keys instead (PEM or JWK)')
    .addHelpText(
      'after',
      examples('latchkey verify unlock.bundle', 'latchkey verify unlock.bundle --root root-a.pub root-b.pub'),
    )
    .action((file: string, { root }: { root?: string[] }, command: Command) =>
      run(start(command), file, root),
    );
}

function run(cli: Cli, file: string, rootFiles: readonly string[] | undefined): void {
  const roots = rootFiles === undefined ? trustedHere(cli) : fileRoots(rootFiles);
  const verdict = verifyUnlockBundle(readBytes(file), roots);
  if (!verdict.ok) {
    const { findings } = verdict;
    cli.out.result({ file, holds: false, findings }, ...reportLines([], findings.map(findingWords), []));
    throw faulty(file, findings.length);
  }
  const { events, state, request } = verdict.proved;
  const { unlock, hwid } = request;
  const [proved, unproved] = [provedWords(verdict.proved), unprovedWords(verdict.proved)];
  cli.out.result(
    { file, holds: true, unlock, hwid, state, proved, unproved, events },
    ...[`${file} holds: unlock ${unlock} of ${hwid}, ${state}.`, ''],
    ...reportLines(proved, [], unproved),
    ...['', ...events.map(eventLine)],
  );
}

function trustedHere(cli: Cli) {
  if (readProfile(cli.home) !== undefined) return homeRoots(cli.home);
  throw new Failure(
    'usage',
    'not-enrolled',
    `Nobody has enrolled in ${cli.home.dir}, so no root keys are trusted here.`,
    {
      next: 'Give those that you trust: --root root-a.pub root-b.pub',
    },
  );
}

function faulty(file: string, count: number): Failure {
  return new Failure(
    'verification',
    'bundle-faulty',
    `${file} does not hold: ${count === 1 ? 'one fault' : `${count} faults`}.`,
    { next: 'It was changed, or the server did not keep to its rules. Show it to an auditor.' },
  );
}
