import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, judge } from './judge.ts';

/** A host at the AT port, with no modem behind it (port.h). */

/** What a host types, that it has gone (x), or how much it reads of what waits for it (n). */
type Step = readonly ['h', string] | readonly ['x'] | readonly ['n', number];

/** @returns all that it is told */
function told(...steps: readonly Step[]): string {
  const words = steps.map(([who, what = '']) => who + (who === 'n' ? what : hex(String(what)))).join(',');
  return Buffer.from(judge([['port', words]])[0] ?? '', 'hex').toString('latin1');
}

const OK = '\r\nOK\r\n';
const ERROR = '\r\nERROR\r\n';
const STATE = '\r\n+QLATCH: "unprovisioned",0,"LTE4-00A1B2C3D4E5",0\r\n';

test('what is typed is echoed until ATE0, and again from ATE1 (V.250 §6.2.4)', () => {
  const typed = ['AT\r', 'ATE0\r', 'AT\r', 'ATE1\r', 'AT\r'].map((line) => ['h', line] as const);
  assert.equal(told(...typed), `AT\r${OK}ATE0\r${OK}${OK}${OK}AT\r${OK}`);
});

test('a line ends with CR or LF, and an empty one says nothing (section 5)', () => {
  for (const end of ['\r', '\n', '\r\n', '\n\r', '\r\r\n']) {
    const lines = `ATE0${end}AT${end}AT${end}`;
    assert.equal(told(['h', lines]), `ATE0${end[0]}${OK}${OK}${OK}`, JSON.stringify(end));
  }
});

test('backspace takes back what was typed, and nothing before it (V.250 §5.2.2)', () => {
  assert.equal(told(['h', 'ATE0\rAX\b\b\b\bATI0\b\r']).slice('ATE0\r'.length).startsWith(OK), true);
  assert.equal(told(['h', 'ATE0\r'], ['h', 'AX\bT\r'], ['h', 'X\b\bAT\r']), `ATE0\r${OK}${OK}${OK}`);
});

test('a line is at most 400 characters; what is longer is ERROR, however long, and the next is heard (section 5)', () => {
  for (const [length, answer] of [
    [400, OK],
    [401, ERROR],
    [5000, ERROR],
  ] as const) {
    const line = `AT${' '.repeat(length - 2)}`;
    assert.equal(told(['h', `ATE0\r${line}\rAT\r`]), `ATE0\r${OK}${answer}${OK}`, String(length));
  }
});

test('a chain ends with its first fault, and what is no command is passed over (V.250 §5.4.1)', () => {
  const cases = [
    ['AT+QLATCH?;+QLATCH?', `${STATE}${STATE}${OK}`],
    ['AT+QLATCH="unlock";+QLATCH?', '\r\n+CME ERROR: 911\r\n'],
    ['AT+FOO;+QLATCH?', ERROR],
    ['ATI', `\r\nLatchkey\r\n\r\ntest 1\r\n${OK}`],
    ['hello', ''],
    ['AT+QLATCH?\xe9', ERROR],
  ] as const;
  for (const [line, answer] of cases)
    assert.equal(told(['h', `ATE0\r${line}\r`]), `ATE0\r${OK}${answer}`, line);
});

test('what a host that has gone had typed is not the next one’s', () => {
  assert.equal(told(['h', 'ATE0\r'], ['h', 'AT+FOO'], ['x'], ['h', 'AT\r']), `ATE0\r${OK}${OK}`);
});

test('64 KiB wait for a host that does not read; what does not fit whole is lost, and the rest comes in order (outbox.h)', () => {
  const most = Math.floor((65_536 - `ATE0\r${OK}`.length) / OK.length);
  const typed = ['h', 'AT\r'.repeat(most + 5)] as const;
  assert.equal(told(['h', 'ATE0\r'], typed), `ATE0\r${OK}${OK.repeat(most)}`);
  // Room in front alone, in pieces: what waits is moved, and nothing of it lost.
  const later = told(['h', 'ATE0\r'], typed, ['n', 1000], ['h', 'AT+QLATCH?\r'], ['n', 40], ['h', 'ATI\r']);
  assert.equal(later, `ATE0\r${OK}${OK.repeat(most)}${STATE}${OK}\r\nLatchkey\r\n\r\ntest 1\r\n${OK}`);
});
