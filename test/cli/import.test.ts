import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Failure } from '../../cli/failure.ts';
import { importLines, type Result } from '../../cli/import.ts';
import { progressLine } from '../../cli/progress.ts';
import type { Line } from '../../protocol/lines.ts';

/** Lines on their way to a server that a test plays. */

/** A server that answers so many lines of each attempt, and then is gone. */
function cutting(after: readonly number[]) {
  const attempts: string[][] = [];
  return {
    attempts,
    async *send(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Result> {
      const got: string[] = [];
      attempts.push(got);
      const most = after[attempts.length - 1] ?? Number.POSITIVE_INFINITY;
      let line = 0;
      for await (const text of sent) {
        got.push(String(text).trim());
        if (line === most) throw new Failure('network', 'server-silent', 'It is gone.');
        line += 1;
        yield { line, hwid: null, status: 'registered' };
      }
    },
  };
}

const cli = (pauses: number[]) => ({
  out: { warn: () => {} },
  signal: new AbortController().signal,
  delay: async (milliseconds: number) => void pauses.push(milliseconds),
});

async function* counted(count: number): AsyncGenerator<Line> {
  for (let number = 1; number <= count; number += 1) yield { number, bytes: Buffer.from(String(number)) };
}

test('cut again and again, each line is answered once, in order, and what was answered is not sent again', async () => {
  const [pauses, told] = [[] as number[], [] as number[]];
  const server = cutting([3, 0, 0, 2]);
  await importLines(cli(pauses), server.send, counted(10), ({ line }) => void told.push(line));
  assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(
    server.attempts.map(([first]) => first),
    ['1', '4', '4', '4', '6'],
  );
  // Pauses grow while nothing comes, and begin anew once something does.
  assert.deepEqual(pauses, [250, 1000, 3000, 250]);
});

test('a server that never answers ends it, with how to go on', async () => {
  const pauses: number[] = [];
  const gone = cutting(Array.from({ length: 20 }, () => 0));
  await assert.rejects(
    importLines(cli(pauses), gone.send, counted(5), () => {}),
    { code: 'server-silent' },
  );
  assert.deepEqual(pauses, [250, 1000, 3000, 10_000, 30_000]);
});

test('lines are read no further ahead than answers come', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Line> {
    for (;;) yield { number: ++read, bytes: Buffer.from('{}') };
  }
  const silent = {
    async *send(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Result> {
      const taken: Uint8Array[] = [];
      const all = (async () => {
        for await (const text of sent) taken.push(text);
      })();
      while (taken.length < 1024) await new Promise(setImmediate);
      for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
      void all;
      yield { line: 1, hwid: null, status: 'refused', code: 'certificate-revoked' };
    },
  };
  await assert.rejects(
    importLines(cli([]), silent.send, endless(), () => {}),
    { code: 'certificate-revoked' },
  );
  assert.ok(read <= 1025, String(read));
});

test('answers are taken no faster than they are told', async () => {
  let yielded = 0;
  async function* send(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Result> {
    for await (const _ of sent);
    for (yielded = 1; yielded <= 10; yielded += 1) yield { line: yielded, hwid: null, status: 'known' };
  }
  let release = () => {};
  const told: number[] = [];
  void importLines(cli([]), send, counted(10), ({ line }) => {
    told.push(line);
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  assert.deepEqual([told, yielded], [[1], 1]);
  release();
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  assert.deepEqual([told, yielded], [[1, 2], 2]);
});

test('a source that fails ends it, and not as if it were done', async () => {
  async function* failing(): AsyncGenerator<Line> {
    yield { number: 1, bytes: Buffer.from('1') };
    throw new Failure('failure', 'file', 'Cannot read it.');
  }
  const told: number[] = [];
  const server = cutting([]);
  await assert.rejects(
    importLines(cli([]), server.send, failing(), ({ line }) => void told.push(line)),
    { code: 'file' },
  );
  assert.equal(server.attempts.length, 1);
});

test('a line that is too long goes out as one, for the server to refuse by its number', async () => {
  const sizes: number[] = [];
  async function* send(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Result> {
    for await (const { length } of sent) {
      sizes.push(length);
      yield { line: 1, hwid: null, status: 'refused', code: 'payload-too-large' };
    }
  }
  async function* long(): AsyncGenerator<Line> {
    yield { number: 7, bytes: undefined };
  }
  const told: number[] = [];
  await importLines(cli([]), send, long(), ({ line }) => void told.push(line));
  assert.deepEqual([sizes, told], [[4098], [7]]);
});

test('while its source is silent a blank line goes out now and then: a silent connection would be ended', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let give = (_: IteratorResult<Line>) => {};
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<IteratorResult<Line>>((resolve) => {
            give = resolve;
          }),
      }),
    };
    const got: string[] = [];
    async function* send(sent: AsyncIterable<Uint8Array>): AsyncGenerator<Result> {
      for await (const piece of sent) {
        got.push(String(piece));
        if (got.length === 3) yield { line: 3, hwid: null, status: 'known' };
      }
    }
    const turns = async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    };
    const all = importLines(cli([]), send, source, ({ line }) => assert.equal(line, 1));
    for (let pause = 0; pause < 2; pause += 1) {
      await turns();
      mock.timers.tick(30_000);
    }
    await turns();
    give({ done: false, value: { number: 1, bytes: Buffer.from('{}') } });
    await turns();
    give({ done: true, value: undefined });
    await all;
    assert.deepEqual(got, ['\n', '\n', '{}\n']);
  } finally {
    mock.timers.reset();
  }
});

test('a bar says how far it is, how fast, and how long it still takes', () => {
  assert.equal(
    progressLine({ share: 0.25, done: 250_000, of: 'lines, 3 refused' }, 300),
    '[######------------------]  25 %  250,000 lines, 3 refused, 833/s, 15 min left',
  );
  assert.equal(progressLine({ share: undefined, done: 3, of: 'modules' }, 0.5), '· 3 modules');
});
