import type { Command } from 'commander';
import type { Cli } from '../context.ts';
import type { Failure } from '../failure.ts';
import { deliverJournal } from '../line/delivery.ts';
import { type Entry, Journal } from '../line/journal.ts';
import { localTime, table } from '../output.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

export function journal(program: Command, start: Start): void {
  const group = program
    .command('journal')
    .summary('modules made while there was no server')
    .description('Modules that this station provisioned, and the server does not have yet: list, deliver.');
  group
    .command('list')
    .description('What waits for the server, and what the server refused. Needs no server.')
    .addHelpText('after', examples('latchkey journal list', 'latchkey journal list --json'))
    .action(async (_options: unknown, command: Command) => listJournal(start(command)));
  group
    .command('deliver')
    .description('Hand what waits to the server. latchkey provision does so by itself.')
    .option('--refused', 'also what the server refused before')
    .addHelpText('after', examples('latchkey journal deliver', 'latchkey journal deliver --refused'))
    .action(async ({ refused = false }: { refused?: boolean }, command: Command) =>
      deliver(start(command), refused),
    );
}

function listJournal(cli: Cli): void {
  const kept = journalOf(cli);
  const [waiting, refused, damaged] = [kept.waiting(), kept.refused(), kept.damaged()];
  const rows = [
    ...waiting.map((entry) => [...cells(entry), 'waits']),
    ...refused.map(({ entry, code, detail }) => [...cells(entry), `refused, ${code}: ${detail}`]),
  ];
  const none = rows.length === 0;
  const lines = none ? ['The journal is empty.'] : table([HEADING, ...rows]);
  const aside = damaged.map((file) => `Damaged, and put aside: ${file}`);
  cli.out.result({ waiting, refused, damaged }, ...lines, ...aside);
}

function journalOf({ home, out }: Cli): Journal {
  return new Journal(home, (line) => out.warn(line));
}

const HEADING = ['MADE', 'MODULE', 'IMEI', 'ORDER', 'STATE'];

function cells({ at, hwid, imei, order }: Entry): string[] {
  return [localTime(at), hwid, imei, order];
}

async function deliver(cli: Cli, again: boolean): Promise<void> {
  const kept = journalOf(cli);
  if (again) for (const one of kept.refused()) kept.readmit(one);
  const items: { entry: Entry; refusal: Failure | undefined }[] = [];
  const none = kept.waiting().length === 0;
  if (!none) {
    await withServer(cli, ({ client }) =>
      deliverJournal(kept, client, cli.clock, (entry, refusal) => items.push({ entry, refusal })),
    );
  }
  const rows = items.map(({ entry, refusal }) => [
    ...cells(entry),
    refusal === undefined ? 'delivered' : `refused, ${refusal.code}: ${refusal.message}`,
  ]);
  const told = items.map(({ entry, refusal }) => ({
    hwid: entry.hwid,
    status: refusal === undefined ? 'delivered' : 'refused',
    code: refusal?.code,
    detail: refusal?.message,
  }));
  cli.out.result({ items: told }, ...(none ? ['Nothing waits in the journal.'] : table([HEADING, ...rows])));
  for (const next of new Set(items.flatMap(({ refusal }) => refusal?.next ?? []))) cli.out.warn(next);
}
