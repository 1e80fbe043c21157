import type { z } from 'zod';
import { endings, ImportLine, type ImportResult } from '../../protocol/api/import.ts';
import type { NewModule } from '../../protocol/api/modules.ts';
import type { Line } from '../../protocol/lines.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Caller, Services } from '../context.ts';
import { toProblem } from '../middleware/problems.ts';
import { labelModule } from './label.ts';
import { mayProvision, mayTend } from './permit.ts';
import { enlistModule } from './register.ts';

type Result = z.input<typeof ImportResult>;

/**
 * Lines under way at once: what memory an import takes, and what one transaction may hold of it. Enough that
 * while some are being synced, each thread that hashes has a message full of others.
 */
const AT_ONCE = 256;

/**
 * Registers modules or changes what they are labelled with, a line each, through the decisions that one
 * request for each would go through. Answers come in the order of the lines, as fast as they are taken:
 * who does not read them is not read from. A line that is repeated changes nothing, so a cut import is
 * sent again from behind the last answer.
 * @param over fires when the server stops: what is under way is answered, no more is taken
 */
export async function* importModules(
  services: Services,
  caller: Caller,
  lines: AsyncIterable<Line>,
  over: AbortSignal,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  /** The line before, of each module that one is under way of: they are taken in turn. */
  const last = new Map<string, Promise<unknown>>();
  const reader = stoppable(lines[Symbol.asyncIterator](), over);
  let next: Promise<IteratorResult<Line>> | undefined = reader();
  while (next !== undefined || underWay.length > 0) {
    const turn = await firstOf(underWay[0], underWay.length < AT_ONCE ? next : undefined);
    if ('result' in turn) {
      underWay.shift();
      yield turn.result;
      // What was begun behind a line that ended it is answered too: it may have been done.
      if (isEnd(turn.result)) {
        next?.catch(() => {});
        next = undefined;
      }
    } else if (turn.read.done === true) {
      next = undefined;
    } else {
      underWay.push(taken(services, caller, turn.read.value, last));
      next = reader();
    }
  }
}

/** Reads on until the signal, which also ends a wait for a line that nobody sends. */
function stoppable(lines: AsyncIterator<Line>, over: AbortSignal): () => Promise<IteratorResult<Line>> {
  let stop = () => {};
  over.addEventListener('abort', () => stop(), { once: true });
  return () =>
    new Promise((resolve, reject) => {
      stop = () => resolve({ done: true, value: undefined });
      if (over.aborted) stop();
      else lines.next().then(resolve, reject);
    });
}

/** Whichever comes first of the oldest line's result and the next line; one of them is under way. */
function firstOf(
  oldest: Promise<Result> | undefined,
  next: Promise<IteratorResult<Line>> | undefined,
): Promise<{ result: Result } | { read: IteratorResult<Line> }> {
  return Promise.race([
    ...(oldest === undefined ? [] : [oldest.then((result) => ({ result }))]),
    ...(next === undefined ? [] : [next.then((read) => ({ read }))]),
  ]);
}

function isEnd({ code }: Result): boolean {
  return code !== undefined && endings.has(code);
}

/** Never rejects. */
async function taken(
  services: Services,
  caller: Caller,
  { number, bytes }: Line,
  last: Map<string, Promise<unknown>>,
): Promise<Result> {
  let hwid: string | null = null;
  try {
    const asked = parse(bytes);
    hwid = asked.hwid;
    const before = last.get(hwid);
    const done =
      before === undefined ? take(services, caller, asked) : before.then(() => take(services, caller, asked));
    const settled = done.then(forget, forget);
    last.set(hwid, settled);
    return { line: number, hwid, status: await done };

    /** Refused or not: what is kept must not grow with the lines. */
    function forget(): void {
      if (hwid !== null && last.get(hwid) === settled) last.delete(hwid);
    }
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code === 'internal-error')
      services.diagnostics.error({ err: error, line: number }, 'import failed');
    return { line: number, hwid, status: 'refused', code: problem.code, detail: problem.message };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws Problem `payload-too-large`, `invalid-request` */
function parse(bytes: Uint8Array | undefined): z.output<typeof ImportLine> {
  if (bytes === undefined) throw new Problem('payload-too-large', 'The line is too long to be a module.');
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new Problem('invalid-request', 'The line is not JSON in UTF-8.', {}, cause);
  }
  const parsed = ImportLine.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.').slice(0, 100);
  throw new Problem(
    'invalid-request',
    `The line does not fit${where ? ` at ${where}` : ''}: ${issue?.message.slice(0, 200) ?? ''}.`,
  );
}

async function take(
  services: Services,
  caller: Caller,
  asked: z.output<typeof ImportLine>,
): Promise<Result['status']> {
  if (!isNew(asked)) {
    mayTend(services, caller, asked.hwid);
    return (await labelModule(services, caller, asked)).log === null ? 'known' : 'updated';
  }
  mayProvision(services, caller, asked.hwid);
  const { module, log } = await enlistModule(services, caller, asked, 'later');
  if (log === null) return 'known';
  return module.state === 'confirmed' ? 'confirmed' : 'registered';
}

function isNew(asked: z.output<typeof ImportLine>): asked is z.output<typeof NewModule> {
  return 'key' in asked;
}
