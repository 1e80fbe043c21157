import { z } from 'zod';
import { LogPosition } from '../protocol/api/fields.ts';
import { readLines } from '../protocol/lines.ts';
import { adviceOn, VERSIONS } from './advice.ts';
import { formatDuration } from './duration.ts';
import type { Exit } from './exit.ts';
import { Failure } from './failure.ts';
import { networkFailure, retryOf } from './faults.ts';
import { parseJson } from './home.ts';
import type { Wire, WireAnswer, WireRequest } from './wire.ts';

/** How long a server is waited for. */
export interface Patience {
  /** Milliseconds without a byte after which it counts as silent. */
  readonly silence: number;
  /** Milliseconds between the attempts of a request that can be repeated. */
  readonly pauses: readonly number[];
}

/** A person waits, who can do nothing without the server. */
const PATIENT: Patience = { silence: 30_000, pauses: [250, 1000, 3000] };
/** Milliseconds without a byte either way in a stream, as long as the server itself waits. */
const STREAM_SILENCE = 90_000;
/** Bytes; what is longer is nothing of ours. */
const LONGEST_ANSWER_LINE = 65_536;
const utf8 = new TextDecoder();
const LONGEST_RETRY_AFTER = 30_000;
const CLOCK_TOLERANCE = 300;

export interface ClientParts {
  /** Origin of the api. */
  readonly server: string;
  readonly wire: Wire;
  readonly clock: () => Date;
  readonly delay: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
  warn(line: string): void;
  progress(line: string): void;
}

export interface PostOptions {
  /** For operations without a natural key: the same over all retries. */
  readonly idempotencyKey?: string;
  /** False where repeating it does something again, for instance reveals once more. */
  readonly repeatable?: boolean;
}

type Outcome =
  | { readonly answer: WireAnswer }
  /** `again`: repeating it may help; `after` milliseconds, where the server says so. */
  | { readonly failure: Failure; readonly again: boolean; readonly after?: number | undefined };

type Query = Readonly<Record<string, string | number | undefined>>;

/** The api of one server: sends, retries, checks the shape of answers, turns problems into failures. */
export class Client {
  readonly #parts: ClientParts;
  readonly #patience: Patience;
  #clockCompared = false;
  /** The largest log size that an answer has named. */
  promised = 0;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#patience = parts.patience ?? PATIENT;
  }

  get server(): string {
    return this.#parts.server;
  }

  /** @param wait seconds that the server may hold the answer back: a long poll */
  async get<T extends z.ZodType>(path: string, schema: T, query: Query = {}, wait = 0): Promise<z.output<T>> {
    const target = `${path}${queryString(query)}`;
    const answer = await this.#send(
      { method: 'GET', path: target, timeout: this.#patience.silence + wait * 1000 },
      true,
    );
    return this.#read(`GET ${path}`, answer, schema);
  }

  async post<T extends z.ZodType>(
    path: string,
    schema: T,
    body?: unknown,
    { idempotencyKey, repeatable = true }: PostOptions = {},
  ): Promise<z.output<T>> {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = { method: 'POST', path, headers, body: text, timeout: this.#patience.silence } as const;
    return this.#read(`POST ${path}`, await this.#send(request, repeatable), schema);
  }

  /** What is not JSON: checkpoints, tiles, entry bundles. */
  async bytes(path: string): Promise<Buffer> {
    return (await this.#send({ method: 'GET', path, timeout: this.#patience.silence }, true)).body;
  }

  /**
   * A stream of JSON values, one a line, while `sent` goes out. Nothing of it is repeated here.
   * @throws Failure
   */
  async *lines<T extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    schema: T,
    sent?: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<z.output<T>> {
    const { wire, signal, server, clock } = this.#parts;
    const headers = sent === undefined ? {} : { 'content-type': 'application/x-ndjson' };
    try {
      const answer = await wire.stream({ method, path, headers, sent, timeout: STREAM_SILENCE, signal });
      if (answer.status >= 400) throw problemFailure({ ...answer, body: await whole(answer.body) }, server);
      for await (const { bytes } of readLines(answer.body, LONGEST_ANSWER_LINE)) {
        const parsed = schema.safeParse(bytes === undefined ? undefined : parseJson(utf8.decode(bytes)));
        if (!parsed.success) throw this.#nonsense(`${method} ${path}`, parsed.error);
        yield parsed.data;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw await networkFailure(error, server, clock(), signal);
    }
  }

  close(): void {
    this.#parts.wire.close();
  }

  /** @returns the first answer that is not a refusal. @throws Failure */
  async #send(request: Omit<WireRequest, 'signal'>, repeatable: boolean): Promise<WireAnswer> {
    const { signal, server, delay, progress } = this.#parts;
    for (const pause of this.#patience.pauses) {
      const outcome = await this.#attempt(request, repeatable);
      if ('answer' in outcome) return outcome.answer;
      const wait = outcome.after ?? pause;
      if (!outcome.again || wait > LONGEST_RETRY_AFTER) throw outcome.failure;
      progress(`no answer from ${server} yet; trying again in ${formatDuration(Math.max(1, wait / 1000))}`);
      await delay(wait, signal);
    }
    const last = await this.#attempt(request, repeatable);
    if ('answer' in last) return last.answer;
    throw last.failure;
  }

  async #attempt(request: Omit<WireRequest, 'signal'>, repeatable: boolean): Promise<Outcome> {
    const { wire, signal, server, clock } = this.#parts;
    signal.throwIfAborted();
    try {
      const answer = await wire.send({ ...request, signal });
      this.#compareClocks(answer);
      if (answer.status < 400) return { answer };
      const again = answer.status === 429 || answer.status === 503;
      return { failure: problemFailure(answer, server), again, after: retryAfter(answer) };
    } catch (error) {
      signal.throwIfAborted();
      const retry = retryOf(error);
      const again = retry === 'unsent' || (retry === 'broken' && repeatable);
      return { failure: await networkFailure(error, server, clock(), signal), again };
    }
  }

  #read<T extends z.ZodType>(operation: string, answer: WireAnswer, schema: T): z.output<T> {
    const value = parseJson(answer.body.toString());
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw this.#nonsense(operation, parsed.error);
    const log = z.object({ log: LogPosition }).safeParse(value).data?.log;
    this.promised = Math.max(this.promised, log?.size ?? 0);
    return parsed.data;
  }

  #nonsense(operation: string, cause: z.ZodError): Failure {
    const [issue] = cause.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    return new Failure(
      'network',
      'answer-unknown',
      `${this.server} answered ${operation} with something that this version does not understand${where}: ${issue?.message ?? ''}.`,
      {
        next: VERSIONS,
        cause,
      },
    );
  }

  #compareClocks({ headers }: WireAnswer): void {
    if (this.#clockCompared || typeof headers.date !== 'string') return;
    this.#clockCompared = true;
    const ahead = (this.#parts.clock().getTime() - Date.parse(headers.date)) / 1000;
    if (!(Math.abs(ahead) > CLOCK_TOLERANCE)) return;
    const way = ahead > 0 ? 'ahead of' : 'behind';
    this.#parts.warn(
      `this computer's clock is ${formatDuration(Math.abs(ahead))} ${way} the server's; set it`,
    );
  }
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const kept: Uint8Array[] = [];
  for await (const piece of pieces) kept.push(piece);
  return Buffer.concat(kept);
}

function retryAfter({ headers }: WireAnswer): number | undefined {
  const value = headers['retry-after'];
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : undefined;
}

function queryString(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

/** RFC 9457, as the server writes it: see protocol/problems.ts. A newer server may have newer codes. */
const ProblemBody = z.looseObject({
  code: z.string().regex(/^[a-z][a-z0-9-]{1,63}$/),
  title: z.string(),
  detail: z.string(),
  request: z.string().optional(),
});

function problemFailure({ status, body }: WireAnswer, server: string): Failure {
  const problem = ProblemBody.safeParse(parseJson(body.toString())).data;
  if (problem === undefined) {
    return new Failure('network', 'answer-unknown', `${server} answered ${status}, and not in our terms.`, {
      next: 'Check that this is the api port of a latchkey-server, and that no proxy stands in between.',
      details: { status },
    });
  }
  const { code, title, detail, type: _, ...details } = problem;
  const exit: Exit = status >= 500 ? 'network' : 'refused';
  return new Failure(exit, code, detail === '' ? title : detail, {
    next: adviceOn(code, problem.request),
    details,
  });
}
