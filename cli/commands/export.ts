import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { Module } from '../../protocol/api/modules.ts';
import type { Client } from '../client.ts';
import type { Cli } from '../context.ts';
import { asFailure } from '../failure.ts';
import { fillFile } from '../file.ts';
import { givenHwid, givenImei, givenOrder } from '../given.ts';
import { persevere } from '../perseverance.ts';
import { Progress } from '../progress.ts';
import { withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

type Filter = Readonly<Partial<Record<'imei' | 'order' | 'state' | 'after', string>>>;

export function exportCommand(group: Command, start: Start): void {
  group
    .command('export')
    .description(
      'Write every module, by hardware ID, a line of JSON each: to a file, which is then there whole or not at all, ' +
        'or to standard output.',
    )
    .option('--imei <imei>', 'only with this IMEI', givenImei)
    .option('--order <order>', 'only of this production order', givenOrder)
    .addOption(new Option('--state <state>', 'only in this state').choices(Module.shape.state.options))
    .option('--after <hwid>', 'begin behind this module', givenHwid)
    .option('--out <file>', 'the file')
    .addHelpText(
      'after',
      examples(
        'latchkey modules export --order A-7731 --out a-7731.ndjson',
        'latchkey modules export --state registered | wc -l',
      ),
    )
    .action(({ out, ...filter }: Filter & { out?: string }, command: Command) =>
      exportModules(start(command), filter, out),
    );
}

async function exportModules(cli: Cli, filter: Filter, file: string | undefined): Promise<void> {
  const { stdout, stderr } = cli.out.streams;
  let done = 0;
  // Where both are one terminal, the modules themselves show how far it is.
  const shown = file === undefined && stdout.isTTY === true ? undefined : stderr;
  const progress = new Progress(shown, () => ({ share: undefined, done, of: 'modules' }));
  const each = (write: (line: string) => Promise<void> | void) =>
    withServer(cli, ({ client }) =>
      exportLines(cli, client, filter, async (module) => {
        await write(`${JSON.stringify(module)}\n`);
        done += 1;
      }),
    );
  try {
    if (file !== undefined) await fillFile(file, each);
    else
      await each((line) => {
        stdout.write(line);
        return cli.out.drained(cli.signal);
      });
  } finally {
    progress.end();
  }
  if (file !== undefined) cli.out.result({ file, modules: done }, `${done} modules are in ${file}.`);
}

/** Through every cut: what comes next is asked for behind the last module that came. */
async function exportLines(
  cli: Cli,
  client: Client,
  { after, ...filter }: Filter,
  got: (module: z.output<typeof Module>) => Promise<void>,
): Promise<void> {
  let last = after;
  let count = 0;
  const attempt = async () => {
    const query = new URLSearchParams({ ...filter, ...(last !== undefined && { after: last }) });
    try {
      for await (const module of client.lines('GET', `/v1/modules/export?${query}`, Module)) {
        await got(module);
        last = module.hwid;
        count += 1;
      }
      return undefined;
    } catch (error) {
      return asFailure(error);
    }
  };
  await persevere(cli, attempt, () => count);
}
