import { type Command, InvalidArgumentError } from 'commander';
import { ImportResult, LONGEST_LINE } from '../../protocol/api/import.ts';
import { type Line, readLines } from '../../protocol/lines.ts';
import { adviceOn } from '../advice.ts';
import type { Cli } from '../context.ts';
import { asFailure, Failure } from '../failure.ts';
import { readFailure, streamFile } from '../file.ts';
import { importLines, type Result, type Send } from '../import.ts';
import { Progress } from '../progress.ts';
import { startSession, withServer } from '../session.ts';
import { examples, type Start } from '../verb.ts';

const HELP = `
Each line is the body of POST /v1/modules; an officer's line without "key" changes what a module is
labelled with. Refused lines are told by their number, with what to do; the rest goes on. Where the
connection breaks or the server is away, it goes on by itself for some 40 seconds. However it ends,
run it again: lines that are done are "known" and change nothing. --after only spares them the way.`;

export function importCommand(group: Command, start: Start): void {
  group
    .command('import')
    .description('Register modules, or change what they are labelled with: a line of JSON each.')
    .argument('<file>', 'the file, or - for standard input')
    .option('--after <line>', 'begin behind this line', lineNumber)
    .addHelpText('after', HELP)
    .addHelpText(
      'after',
      examples('latchkey modules import line-7.ndjson', 'zcat made.gz | latchkey modules import - --json'),
    )
    .action((file: string, { after = 0 }: { after?: number }, command: Command) =>
      importFile(start(command), file, after),
    );
}

function lineNumber(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It takes the number of a line.');
}

/** What became of the lines so far. */
class Counts {
  readonly status: Partial<Record<Result['status'], number>> = {};
  /** Of the refused, by code. */
  readonly codes = new Map<string, number>();
  all = 0;
  /** The last line that has its answer. */
  last: number;

  constructor(after: number) {
    this.last = after;
  }

  get refused(): number {
    return this.status.refused ?? 0;
  }

  add({ line, status, code = 'refused' }: Result): void {
    this.all += 1;
    this.last = line;
    this.status[status] = (this.status[status] ?? 0) + 1;
    if (status === 'refused') this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }
}

async function importFile(cli: Cli, file: string, after: number): Promise<void> {
  const { pieces, share } = source(cli, file);
  const counts = new Counts(after);
  const progress = new Progress(cli.out.streams.stderr, () => {
    const refused = counts.refused > 0 ? `, ${counts.refused} refused` : '';
    return { share: share(), done: counts.all, of: `lines${refused}` };
  });
  try {
    await withServer(cli, () =>
      importLines(cli, sender(cli), behind(after, linesOf(file, pieces)), (result) => {
        counts.add(result);
        return tell(cli, progress, result);
      }),
    );
  } catch (error) {
    throw goingOn(asFailure(error), counts.last);
  } finally {
    pieces.destroy();
    progress.end();
  }
  summarize(cli, counts);
}

/** Each attempt has a session of its own, which renews the certificate where that is due. */
export function sender(cli: Cli): Send {
  return async function* (lines) {
    const { client } = await startSession(cli);
    try {
      yield* client.lines('POST', '/v1/modules/import', ImportResult, lines);
    } finally {
      client.close();
    }
  };
}

/** The bytes of the file, and what share of them was read so far. */
function source(cli: Cli, file: string) {
  if (file === '-') return { pieces: cli.out.streams.stdin, share: () => undefined };
  const { size, pieces } = streamFile(file);
  return { pieces, share: () => (size === 0 ? 1 : Math.min(1, pieces.bytesRead / size)) };
}

async function* linesOf(file: string, pieces: AsyncIterable<Uint8Array | string>): AsyncGenerator<Line> {
  try {
    // Neither stream is given an encoding.
    yield* readLines(pieces as AsyncIterable<Uint8Array>, LONGEST_LINE);
  } catch (error) {
    throw readFailure(file, error);
  }
}

async function* behind(after: number, lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  for await (const line of lines) if (line.number > after) yield line;
}

/** Waits for whoever reads the answers, as the server then waits for us. */
async function tell({ out, signal }: Cli, progress: Progress, result: Result): Promise<void> {
  const { line, hwid, status, code = 'refused', detail = '' } = result;
  if (status === 'refused') {
    progress.hide();
    const of = hwid === null ? '' : `, ${hwid}`;
    out.result({ ...result, next: adviceOnLine(code) }, `line ${line}${of}: ${detail} (${code})`);
  } else if (out.json) out.result(result);
  await out.drained(signal);
}

/** Of a request as a whole, its size is the program's doing; of a line, whoever wrote the file's. */
function adviceOnLine(code: string): string | undefined {
  if (code === 'payload-too-large') return `A line has at most ${LONGEST_LINE} bytes.`;
  return adviceOn(code, undefined);
}

function goingOn(failure: Failure, last: number): Failure {
  const { exit, code, message, next, details } = failure;
  const behind = last === 0 ? '' : `; --after ${last} begins behind what is answered`;
  const on = `run it again, which changes nothing that is done${behind}.`;
  return new Failure(exit, code, message, {
    next: next === undefined ? `To go on, ${on}` : `${next} Then ${on}`,
    details: { ...details, answered: last },
    cause: failure,
  });
}

function summarize({ out }: Cli, { status, codes, all, refused }: Counts): void {
  const said = Object.entries(status).map(([name, count]) => `${count} ${name}`);
  const next = [...codes].map(([code, count]) => `${count} × ${code}. ${adviceOnLine(code) ?? ''}`.trimEnd());
  out.result({ summary: status }, `${all} lines: ${said.join(', ') || 'nothing to do'}.`, ...next);
  if (refused === 0) return;
  throw new Failure('refused', 'lines-refused', `${refused} of ${all} lines were refused.`, {
    next: 'Each is told above, by its number; correct them and run it again: lines that are done change nothing.',
  });
}
