import type { Command } from 'commander';
import { Whoami } from '../../protocol/api.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { readKeptLog } from '../profile.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';
import { verifyLog } from '../verify/log.ts';
import { Report, reportLines } from '../verify/report.ts';

export function log(program: Command, start: Start): void {
  const group = program
    .command('log')
    .summary('the log as a whole')
    .description('The log as a whole: verify.');
  group
    .command('verify')
    .description(
      'Read the whole log and check it: the checkpoint’s signature, that it extends what this home has seen, every\n' +
        'tile of hashes up to the root; for auditors and officers also that each event is the leaf that was hashed.',
    )
    .addHelpText('after', examples('latchkey log verify', 'latchkey log verify --json'))
    .action(async (_options: unknown, command: Command) => run(start(command)));
}

async function run(cli: Cli): Promise<void> {
  await withServer(cli, async ({ client, witness }) => {
    const seen = readKeptLog(cli.home) !== undefined;
    const tree = await witness();
    const report = new Report();
    const { principal } = await client.get('/v1/whoami', Whoami);
    const entries = principal.roles.some((role) => role === 'auditor' || role === 'officer');
    report.proved.push(`the checkpoint over ${tree.size} events is signed by the log key`);
    if (seen) report.proved.push('the log extends the one that this home has seen before');
    const before = report.faults.length;
    await verifyLog(report, { client, tree, entries, progress: (line) => cli.out.progress(line) });
    if (report.faults.length === before) {
      report.proved.push('every tile of hashes is what the leaves make, up to the root');
      if (entries) report.proved.push(`each of the ${tree.size} events is the leaf that was hashed`);
    }
    if (!entries)
      report.unproved.push('that the events are what was hashed: that is for auditors and officers');
    const root = Buffer.from(tree.root).toString('base64');
    report.unproved.push(
      `that others are shown the same log: compare size ${tree.size}, root ${root} with theirs`,
    );
    const { proved, faults, unproved } = report;
    cli.out.result(
      { size: tree.size, root, entries, proved, faults, unproved },
      ...reportLines(
        proved,
        faults.map(({ code, what }) => `${code}: ${what}`),
        unproved,
      ),
    );
    if (faults.length === 0) return;
    throw new Failure('verification', 'log-faulty', `The log of ${client.server} does not hold.`, {
      next: 'Keep this output and show it to an auditor.',
    });
  });
}
