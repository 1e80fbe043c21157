import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Command, dataCommands, formatCommand, parseLine } from '../../../protocol/at/command.ts';

const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const word = fc.string({ unit: fc.constantFrom(...'ABCxyz019.-_ ;,'), maxLength: 256 });
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc
    .constantFrom('verbs', 'state', 'identity', 'unlock', 'keys', 'provision', 'lock', 'csr', 'certificate')
    .map((verb): Command => ({ verb: verb as 'verbs' })),
  fc.record({
    verb: fc.constant('challenge' as const),
    scope: fc.constantFrom('console', 'adb', 'ssh', 'reset'),
    for: uint,
  }),
  fc.record({ verb: fc.constant('data' as const), offset: uint, piece: word }),
  fc.record({ verb: fc.constant('receipts' as const), after: uint }),
);

const command = commands.map((one) => ({ ...one }));

/** Spaces wherever V.250 §5.2.1 ignores them, and the name in any case. */
function respell(line: string, spaces: readonly number[], upper: boolean): string {
  let index = 0;
  const gap = () => ' '.repeat(spaces[index++ % spaces.length] ?? 0);
  const [, rest = ''] = /^AT\+QLATCH(.*)$/.exec(line) ?? [];
  const parts = rest.match(/"[^"]*"|[0-9]+|[=?,]/g) ?? [];
  const head = upper ? 'AT+QLATCH' : 'at+qLatch';
  return `${gap()}${head}${parts.map((part) => gap() + part).join('')}${gap()}`;
}

test('every command comes back from its own line, however spaced and in either case (V.250 §5.2.1)', () => {
  fc.assert(
    fc.property(command, fc.array(fc.nat(3), { minLength: 1 }), fc.boolean(), (sent, spaces, upper) => {
      const line = formatCommand(sent);
      assert.deepEqual(parseLine(line), [{ kind: 'latch', command: sent }]);
      const respelt = respell(line, spaces, upper);
      if (respelt.length <= 400) assert.deepEqual(parseLine(respelt), [{ kind: 'latch', command: sent }]);
    }),
  );
});

test('a chain gives its commands in order (V.250 §5.4.1)', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 4 }), (sent) => {
      const line = sent.map((one) => formatCommand(one).slice(2)).join(';');
      fc.pre(line.length < 390);
      const expected = [{ kind: 'echo', on: false }, ...sent.map((one) => ({ kind: 'latch', command: one }))];
      assert.deepEqual(parseLine(`ATE0${line}`), expected);
    }),
  );
});

test('whatever comes in, a line gives statements or silence, and never throws', () => {
  const near = fc.string({
    unit: fc.constantFrom(
      ...['AT', '+QLATCH', '=', '?', '"', 'data', 'lock', ',', ';', ' ', '0', '9', 'E', 'I', '\\'],
    ),
  });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (line) => {
      const statements = parseLine(line);
      assert.equal(statements === undefined, !/^ *AT/i.test(line));
      const unknown = statements?.findIndex((statement) => statement.kind === 'unknown') ?? -1;
      if (unknown >= 0) assert.equal(unknown, (statements?.length ?? 0) - 1, 'nothing is read after it');
    }),
    { numRuns: 1000 },
  );
});

const outside: readonly (readonly [rule: string, line: string])[] = [
  ['over 400 characters', `AT+QLATCH="data",0,"${'A'.repeat(256)}"${' '.repeat(130)}`],
  ['a piece over 256', `AT+QLATCH="data",0,"${'A'.repeat(257)}"`],
  ['a number over 2³²−1', 'AT+QLATCH="receipts",4294967296'],
  ['a leading zero', 'AT+QLATCH="receipts",01'],
  ['a negative number', 'AT+QLATCH="receipts",-1'],
  ['a space inside a number', 'AT+QLATCH="receipts",1 2'],
  ['a string where a number belongs', 'AT+QLATCH="receipts","1"'],
  ['a number where a string belongs', 'AT+QLATCH="data",0,1'],
  ['a missing value', 'AT+QLATCH="challenge","console"'],
  ['one value too many', 'AT+QLATCH="lock",1'],
  ['an unknown scope', 'AT+QLATCH="challenge","root",60'],
  ['an unknown verb', 'AT+QLATCH="open"'],
  ['a verb of another case', 'AT+QLATCH="LOCK"'],
  ['a name of Object.prototype', 'AT+QLATCH="constructor"'],
  ['an open quote', 'AT+QLATCH="lock'],
  ['an escape', 'AT+QLATCH="l\\6Fck"'],
  ['a control character', 'AT+QLATCH="lo\x07ck"'],
  ['no value', 'AT+QLATCH='],
  ['an empty last value', 'AT+QLATCH="lock",'],
  ['no separator', 'AT+QLATCH?+QLATCH?'],
  ['the bare name', 'AT+QLATCH'],
  ['a longer name', 'AT+QLATCHX?'],
  ['a back door of section 5', 'AT+QADBKEY?'],
];

for (const [rule, line] of outside) {
  test(`outside the grammar: ${rule}`, () => {
    assert.equal(parseLine(line)?.at(-1)?.kind, 'unknown');
  });
}

test('AT alone is an empty command, other lines are not commands (V.250 §5.2.1)', () => {
  assert.deepEqual(parseLine('AT'), []);
  assert.equal(parseLine('OK'), undefined);
  assert.equal(parseLine(''), undefined);
});

test('basic commands need no separator (V.250 §5.3.1)', () => {
  const expected = [{ kind: 'echo', on: true }, { kind: 'info' }, { kind: 'echo', on: false }];
  assert.deepEqual(parseLine('ate1 i0 E'), expected);
  assert.equal(parseLine('ATE2')?.at(-1)?.kind, 'unknown');
});

test('data commands put a message together again, in pieces of at most 256', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'AZaz09-_.'), maxLength: 8192 }), (message) => {
      let held = '';
      for (const sent of dataCommands(message)) {
        assert.ok(sent.verb === 'data' && sent.piece.length <= 256);
        held = held.slice(0, sent.offset) + sent.piece;
      }
      assert.equal(held, message);
    }),
  );
});

test('what AT cannot carry is a mistake of the caller', () => {
  for (const piece of ['"', '\\', '\r', 'é', 'A'.repeat(257)]) {
    assert.throws(() => formatCommand({ verb: 'data', offset: 0, piece }), TypeError);
  }
  assert.throws(() => formatCommand({ verb: 'receipts', after: -1 }), TypeError);
});
