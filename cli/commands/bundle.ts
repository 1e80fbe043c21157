import type { Command } from 'commander';
import { z } from 'zod';
import { UnlockBundle } from '../../protocol/api/bundle.ts';
import { encodeUnlockBundle, type Finding, verifyUnlockBundle } from '../../protocol/unlock-bundle.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { writeNewFile } from '../file.ts';
import { givenUnlock } from '../given.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { homeRoots } from '../verify/roots.ts';
import { findingWords } from '../verify/words.ts';
import { demandWitnessed } from '../witness.ts';

export function bundle(program: Command, start: Start): void {
  program
    .command('bundle')
    .summary('everything about one unlock, as one file')
    .description(
      'Write everything about one unlock into a file: request, challenges, tokens, receipts, events, their proofs, ' +
        'the checkpoint and the key manifests. latchkey verify checks it, offline and years later.',
    )
    .argument('<unlock>', 'its id', givenUnlock)
    .option('--out <file>', 'the file to write, which must not exist (default: UNLOCK.bundle)')
    .addHelpText(
      'after',
      examples('latchkey bundle 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --out unlock.bundle'),
    )
    .action((id: string, { out }: { out?: string }, command: Command) =>
      run(start(command), id, out ?? `${id}.bundle`),
    );
}

/** Nothing is written but what holds, and is of the log that this home follows. */
async function run(cli: Cli, id: string, file: string): Promise<void> {
  await withServer(cli, async (session) => {
    const asked = UnlockBundle.extend({ unlock: z.literal(id) });
    const found = await session.client.get('/v1/events/bundle', asked, { unlock: id });
    await demandWitnessed(cli, session, found.checkpoint);
    const bytes = encodeUnlockBundle(found);
    const verdict = verifyUnlockBundle(bytes, homeRoots(cli.home));
    if (!verdict.ok) throw unproved(session.client.server, id, verdict.findings);
    writeNewFile(file, bytes);
    const { events, receipts, request } = verdict.proved;
    cli.out.result(
      { file, unlock: id, events: events.length, receipts: receipts.length },
      `${file} holds unlock ${id} of ${request.hwid}: ${events.length} events, ${receipts.length} receipts; all proved.`,
      `  check it   latchkey verify ${file}`,
    );
  });
}

function unproved(server: string, id: string, findings: readonly Finding[]): Failure {
  const what = findings.map(findingWords).join('; ');
  return new Failure(
    'verification',
    'bundle-faulty',
    `What ${server} gives for unlock ${id} does not hold: ${what}.`,
    { next: 'Nothing was written. Show this to an auditor.', details: { unlock: id, findings } },
  );
}
