import type { Command } from 'commander';
import { UnlockBundle } from '../../protocol/api.ts';
import { encodeUnlockBundle } from '../../protocol/unlock-bundle.ts';
import { writeFile } from '../bench-file.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function bundle(program: Command, start: Start): void {
  program
    .command('bundle')
    .summary('everything about one unlock, as one file')
    .description(
      'Write everything about one unlock into a file: request, challenges, tokens, receipts, events, their proofs,\n' +
        'the checkpoint and the key manifests. latchkey verify checks it, offline and years later.',
    )
    .argument('<unlock>', 'its id')
    .requiredOption('--out <file>', 'the file to write')
    .addHelpText(
      'after',
      examples('latchkey bundle 0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --out unlock.bundle'),
    )
    .action(async (id: string, { out: file }: { out: string }, command: Command) => {
      const cli = start(command);
      const found = await withServer(cli, ({ client }) =>
        client.get('/v1/events/bundle', UnlockBundle, { unlock: id }),
      );
      writeFile(file, encodeUnlockBundle(found));
      const { unlock, events, receipts } = found;
      cli.out.result(
        { file, unlock, events: events.length, receipts: receipts.length },
        `${file} holds unlock ${unlock}: ${events.length} events, ${receipts.length} receipts.`,
        `  check it   latchkey verify ${file}`,
      );
    });
}
