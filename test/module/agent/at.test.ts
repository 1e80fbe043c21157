import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLine, type Statement } from '../../../protocol/at/command.ts';
import { hex, judge } from './judge.ts';

/** What protocol/at makes of a line, in the words of judge.c. */
function expected(line: string): string {
  const statements = parseLine(line);
  return statements === undefined ? 'silent' : ['line', ...statements.map(shown)].join(' ');
}

function shown(statement: Statement): string {
  if (statement.kind === 'echo') return `echo:${statement.on ? 1 : 0}`;
  if (statement.kind !== 'latch') return statement.kind;
  const { command } = statement;
  if (command.verb === 'challenge') return `challenge:${command.scope}:${command.for}`;
  if (command.verb === 'data') return `data:${command.offset}:${hex(command.piece) || '-'}`;
  return command.verb === 'receipts' ? `receipts:${command.after}` : command.verb;
}

const names = ['identity', 'unlock', 'keys', 'provision', 'lock'];
const split = (lines: string) => lines.split('|');
const latch = (rest: string) => `AT+QLATCH${rest}`;
const data = (length: number) => `AT+QLATCH="data",0,"${'A'.repeat(length)}"`;

const inside = [
  ...split('|AT|at|aT|  AT|AT  |A|A T|xAT|OK'),
  ...split('ATE|ATE0|ATE1|ATe1;I|ATE 1|ATE1 ;E0|ATI|ATI0|AT I 0 ; I|ATE0I0E1|ATE0+QLATCH?'),
  ...split('AT+QLATCH?|AT+QLATCH=?|AT +QLATCH ?|at+qLatch = ? |AT+QLATCH?;|AT+QLATCH=?; I'),
  ...names.flatMap((verb) => [`AT+QLATCH="${verb}"`, ` at +qlatch = "${verb}" ; E0`]),
  ...['console', 'adb', 'ssh', 'reset'].map((scope) => `AT+QLATCH="challenge","${scope}",60`),
  ...['0', '1', '9', '10', '4294967295'].map((number) => `AT+QLATCH="receipts",${number}`),
  ...[0, 1, 255, 256].map(data),
  'AT+QLATCH="data", 4294967295 , " ;,=?E0" ;+QLATCH="lock"',
  'AT+QLATCH?;+QLATCH="lock";+QLATCH="receipts",0;I',
  `${data(256)}${' '.repeat(400 - data(256).length)}`,
];

const outside = [
  ...split('AT;|ATE2|ATE00|ATE01|ATE 2|ATE0 2|ATI1|ATI00|ATI 1|ATX|AT0|ATE;;|ATEE9|AT+CSQ|AT+QADBKEY?'),
  ...split('AT+QLATCH|AT+QLATCH=|AT+QLATCHX?|AT+QLATC?|AT+QLATCH??|AT+QLATCH=??|AT+QLATCH?=|AT+QLATCH?1'),
  ...split('AT+QLATCH==?|AT+QLATCH?I|AT+QLATCH?+QLATCH?|AT-QLATCH?|AT+ QLATCH?|at + qlatch|AT+QLATCH ? x'),
  ...split('AT+QLATCH"lock"|AT+QLATCH="lock" x|AT+QLATCH="lock"+QLATCH?|AT+QLATCH="l\\6Fck"|AT+QLATCH="a\\"'),
  ...split('AT+QLATCH=""|AT+QLATCH=1|AT+QLATCH=,|AT+QLATCH="open"|AT+QLATCH="lo"ck"|AT+QLATCH=0,"lock"'),
  ...split('AT+QLATCH?;AT+QLATCH?|AT+QLATCH?;+QADBKEY?|AT+QLATCH="lock";+CSQ;+QLATCH?|AT\t+QLATCH?'),
  ...[...names, 'challenge', 'data', 'receipts'].flatMap((verb) => [
    ...[`=${verb}`, `="${verb.toUpperCase()}"`, `="${verb} "`, `="${verb}`, `="${verb.slice(1)}"`].map(latch),
    ...split(',|,1|,"x"|,1,2,3|1|,1,"x",2|,"console",1,2').map((values) => latch(`="${verb}"${values}`)),
  ]),
  ...split('"root",60|"console"|"console","60"|1,60|"console",60,1|"Console",60|"consol",60|"",60').map(
    (values) => latch(`="challenge",${values}`),
  ),
  ...split(
    '0|"0","x"|0,1|0,"x",1|,"x"|"x",0|0,"x\\0D"|4294967296,"x"|0,"x"x|0,"\x01"|0,"\r"|0,"\x7f"|0,"\xe9"',
  ).map((values) => latch(`="data",${values}`)),
  ...split('01|00|-1|+1|1 2|"1"|4294967296|18446744073709551616|1.0|0x1||1,|1,2|1"').map((values) =>
    latch(`="receipts",${values}`),
  ),
  ...['\x00', '\x1f', '\x7f', '\x80', '\xff'].map((odd) => latch(`?${odd}`)),
  ...[data(257), `${data(256)}${' '.repeat(401 - data(256).length)}`, `AT${' '.repeat(399)}`],
];

test('latchd reads a line as protocol/at does: what is in the grammar and what is next to it (section 5)', () => {
  const lines = [...inside, ...outside];
  const got = judge(lines.map((line) => ['at', hex(line)]));
  assert.deepEqual(
    lines.map((line, at) => [line, got[at]]),
    lines.map((line) => [line, expected(line)]),
  );
});

test('latchd reads any line as protocol/at does (section 5)', () => {
  const parts = [
    ...[
      'AT',
      '+QLATCH',
      '=',
      '?',
      '"data"',
      '"lock"',
      '"',
      ',',
      ';',
      ' ',
      '0',
      '1',
      '42',
      'E',
      'I',
      '\\',
      'x',
    ],
    ...['"challenge","ssh",', '+QLATCH="receipts",', '\x7f'],
  ];
  const near = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((some) => `AT${some.join('')}`);
  const lines = fc.sample(near, 3000);
  const got = judge(lines.map((line) => ['at', hex(line)]));
  for (const [at, line] of lines.entries()) assert.equal(got[at], expected(line), JSON.stringify(line));
});
