import type { Command } from 'commander';
import { Whoami } from '../../protocol/api/certificates.ts';
import type { Cli } from '../context.ts';
import { Failure } from '../failure.ts';
import { localTime } from '../output.ts';
import { type KeptLog, readKeptLog } from '../profile.ts';
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
      'Read the whole log and check it: the checkpoint’s signature, that it extends what this home has seen, every ' +
        'tile of hashes up to the root; for auditors and officers also that each event is the leaf that was hashed.',
    )
    .addHelpText('after', examples('latchkey log verify', 'latchkey log verify --json'))
    .action(async (_options: unknown, command: Command) => run(start(command)));
}

async function run(cli: Cli): Promise<void> {
  const kept = readKeptLog(cli.home);
  await withServer(cli, async ({ client, trusted, witness }) => {
    const tree = await witness();
    const { principal } = await client.get('/v1/whoami', Whoami);
    const entries = principal.roles.some((role) => role === 'auditor' || role === 'officer');
    const report = new Report();
    const { newest } = await trusted();
    report.proved.push(
      `a log key of manifest ${newest.claims.ver} of ${newest.claims.iss}, under the roots, signed the checkpoint over ${tree.size} events`,
      ...(kept === undefined ? [] : [extended(kept)]),
    );
    await verifyLog(report, { client, tree, entries, progress: (line) => cli.out.progress(line) });
    const root = Buffer.from(tree.root).toString('base64');
    conclude(report, tree.size, root, entries);
    const { proved, faults, unproved } = report;
    const since = kept?.since ?? null;
    cli.out.result(
      { size: tree.size, root, since, entries, proved, faults, more: report.more, unproved },
      ...reportLines(proved, faultWords(report), unproved),
    );
    if (faults.length === 0) return;
    throw new Failure('verification', 'log-faulty', `The log of ${client.server} does not hold.`, {
      next: 'Keep this output and show it to an auditor.',
    });
  });
}

function faultWords({ faults, more }: Report): string[] {
  const told = faults.map(({ code, what }) => `${code}: ${what}`);
  return more === 0 ? told : [...told, `and ${more} more`];
}

function extended({ since }: KeptLog): string {
  return `it extends the ${since.size} events that this home first saw on ${localTime(since.at)}, and every checkpoint since`;
}

function conclude(report: Report, size: number, root: string, entries: boolean): void {
  if (report.faults.length === 0) {
    report.proved.push(`every tile of hashes is what the ${size} leaves make, up to the root ${root}`);
    if (entries)
      report.proved.push(`each of the ${size} events is the leaf that was hashed, and well formed`);
  }
  if (!entries) {
    report.unproved.push('that the events are what was hashed: only auditors and officers may read them all');
  }
  report.unproved.push(
    `that others are shown the same log: compare ${size} events and root ${root} with theirs`,
  );
}
