import type { Command } from 'commander';
import { UnlockBundle } from '../../protocol/api.ts';
import { readBenchFile } from '../bench-file.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { examples, type Start } from '../verb.ts';
import { verifyBundle } from '../verify/bundle.ts';
import { fileRoots, homeRoots } from '../verify/roots.ts';

export function verify(program: Command, start: Start): void {
  program
    .command('verify')
    .summary('check a bundle, without a server')
    .description(
      'Check what latchkey bundle wrote, without a server: from the roots that this home trusts, or those given, to\n' +
        'every token, event and receipt. Says what is proved and what is not; exit 6 where anything does not hold.',
    )
    .argument('<file>', 'the file of latchkey bundle')
    .option('--root <file...>', 'trust these root keys instead (JWK files)')
    .addHelpText(
      'after',
      examples(
        'latchkey verify unlock.bundle',
        'latchkey verify unlock.bundle --root root-a.jwk.json root-b.jwk.json',
      ),
    )
    .action((file: string, { root }: { root?: string[] }, command: Command) =>
      run(start(command), file, root),
    );
}

function run(cli: Cli, file: string, rootFiles: readonly string[] | undefined): void {
  const bundle = readBenchFile(file, UnlockBundle, 'latchkey bundle');
  const report = verifyBundle(bundle, rootFiles === undefined ? homeRoots(cli.home) : fileRoots(rootFiles));
  const { proved, faults, unproved } = report;
  cli.out.result({ file, unlock: bundle.unlock.id, proved, faults, unproved }, ...report.lines());
  if (faults.length === 0) return;
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  throw new Failure('verification', 'bundle-faulty', `${file} does not hold: ${count}.`, {
    next: 'It was changed, or the server did not keep to its rules. Show it to an auditor.',
  });
}
