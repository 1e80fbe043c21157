import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../cli/duration.ts';
import { exits } from '../../cli/exit.ts';
import { Output, table } from '../../cli/output.ts';
import { printable, printableJson } from '../../cli/printable.ts';

const anything = fc.string({ unit: 'binary', maxLength: 60 });

test('nothing that a module or server sends can move the cursor, hide, or turn the text around', () => {
  fc.assert(
    fc.property(anything, (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u);
      assert.doesNotMatch(printableJson({ text }), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u);
    }),
  );
  assert.equal(printable('\u001b[2Jok\u202e'), '\\u{1b}[2Jok\\u{202e}');
});

test('--json escapes lose nothing', () => {
  fc.assert(fc.property(anything, (text) => assert.equal(JSON.parse(printableJson({ text })).text, text)));
});

test('stdout carries results alone; progress goes to a stderr that is a terminal', () => {
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: false })];
  const out = new Output({ stdin: new PassThrough(), stdout, stderr }, true);
  out.progress('working');
  out.result({ a: 1 }, 'a is 1');
  assert.equal(String(stdout.read()), '{"a":1}\n');
  assert.equal(stderr.read(), null);
  Object.assign(stderr, { isTTY: true });
  out.progress('working');
  assert.equal(String(stderr.read()), '· working\n');
});

test('durations are read as written, and nothing else is', () => {
  const cases = { '15m': 900, '900s': 900, '900': 900, '1h30m': 5400, '2d': 172_800 };
  for (const [text, seconds] of Object.entries(cases)) assert.equal(parseDuration(text), seconds, text);
  for (const text of ['', '0', '0m', '15 m', '-5m', '1.5h', 'm', '15x', '1e3']) {
    assert.equal(parseDuration(text), undefined, text);
  }
  assert.deepEqual([5400, 900, 42, 90_061].map(formatDuration), ['1 h 30 min', '15 min', '42 s', '1 d 1 h']);
});

test('columns are aligned, and lines end where their text does', () => {
  assert.deepEqual(
    table([
      ['a', 'bb'],
      ['ccc', ''],
    ]),
    ['a    bb', 'ccc'],
  );
});

test('docs/cli.md has the table of exit codes', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, meaning]) => [
    Number(code),
    meaning,
  ]);
  assert.deepEqual(rows, Object.values(exits));
});
