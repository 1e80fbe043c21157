import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAnswer, isFinal, type LatchAnswer, parseAnswer } from '../../../protocol/at/answer.ts';

const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const hwid = fc.string({ unit: fc.constantFrom(...'ABYZ09._-'), minLength: 8, maxLength: 64 });
const base64url = fc.constantFrom(...'AZaz09-_');
const coordinate = fc.string({ unit: base64url, minLength: 43, maxLength: 43 });
const part = fc.string({ unit: base64url, minLength: 1, maxLength: 250 });
const jws = fc.tuple(part, part, part).map((parts) => parts.join('.'));
const scope = fc.constantFrom('console' as const, 'adb' as const, 'ssh' as const, 'reset' as const);

const answers: fc.Arbitrary<LatchAnswer> = fc.oneof(
  fc.record({
    kind: fc.constant('verbs'),
    verbs: fc.array(fc.constantFrom('lock', 'data'), { minLength: 1 }),
  }),
  fc.record({
    kind: fc.constant('state'),
    state: fc.constantFrom('unprovisioned', 'locked'),
    remaining: fc.constant(0),
    hwid,
    manifest: uint,
  }),
  fc.record({
    kind: fc.constant('state'),
    state: fc.constant('open'),
    remaining: uint,
    hwid,
    manifest: uint,
  }),
  fc.record({
    kind: fc.constant('identity'),
    hwid,
    imei: fc.stringMatching(/^[0-9]{15}$/),
    x: coordinate,
    y: coordinate,
  }),
  fc.record({ kind: fc.constantFrom('challenge', 'receipt', 'csr'), jws }),
  fc.record({ kind: fc.constant('certificate') }),
  fc.record({ kind: fc.constant('open'), scope, for: uint, receipt: jws }),
  fc.record({ kind: fc.constant('keys'), ver: uint }),
  fc.record({ kind: fc.constantFrom('provisioned', 'locked'), receipt: jws }),
  fc.record({ kind: fc.constant('indication'), event: fc.constant('locked'), why: fc.constant('timeout') }),
);

const answer = answers.map((one) => ({ ...one }));

test('every answer comes back from its own line, however an AT stack spaces it', () => {
  fc.assert(
    fc.property(answer, fc.nat(2), (sent, width) => {
      const line = formatAnswer(sent);
      assert.ok(line.length <= 1024);
      assert.deepEqual(parseAnswer(line), sent);
      const spaced = ' '.repeat(width) + line.replaceAll('",', `"${' '.repeat(width)},`) + ' '.repeat(width);
      if (spaced.length <= 1024) assert.deepEqual(parseAnswer(spaced), sent);
    }),
  );
});

test('every line gives an answer: nothing throws, and other characters are never read as ours', () => {
  const near = fc.string({
    unit: fc.constantFrom(
      ...[
        '+QLATCH: ',
        '+QLATCHIND: ',
        '"open"',
        '"locked"',
        '"keys"',
        ',',
        '7',
        'a.b.c',
        '"',
        '(',
        ')',
        ' ',
        '\x1b',
      ],
    ),
  });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (line) => {
      const read = parseAnswer(line);
      if (!/^[ -~]*$/.test(line)) assert.ok(read.kind === 'other' || read.kind === 'malformed');
    }),
    { numRuns: 1000 },
  );
});

const finals: readonly (readonly [line: string, kind: string])[] = [
  ['OK', 'ok'],
  ['ERROR', 'error'],
  ['+CME ERROR: 902', 'cme'],
  ['+CME ERROR:902', 'cme'],
  ['+CME ERROR: operation not allowed', 'error'],
  ['+CMS ERROR: 304', 'error'],
];

for (const [line, kind] of finals) {
  test(`${line} ends an answer`, () => {
    const read = parseAnswer(line);
    assert.equal(read.kind, kind);
    assert.ok(isFinal(read));
  });
}

const malformed = [
  '+QLATCH: ',
  '+QLATCH: "toString"',
  '+QLATCH: "opened",0,"ABCDEFGH",1',
  '+QLATCH: "open","root",60,"a.b.c"',
  '+QLATCH: "open","console",60,"a.b"',
  '+QLATCH: "locked",12,"ABCDEFGH",1',
  '+QLATCH: "locked",0,"abcdefgh",1',
  '+QLATCH: "keys",1,2',
  '+QLATCH: "keys","1"',
  '+QLATCH: ("lock","data"',
  '+QLATCH: ("lock",1)',
  '+QLATCH: "identity","ABCDEFGH","49015420323751","x","y"',
  `+QLATCH: "challenge","a.b.${'c'.repeat(768)}"`,
  `+QLATCH: "keys",1${' '.repeat(1024)}`,
  '+QLATCH: "keys",1;',
  '+QLATCH: "keys",\x1b[2J1',
  '+QLATCHIND: "locked","sms"',
];

for (const line of malformed) {
  test(`malformed: ${JSON.stringify(line.slice(0, 60))}`, () =>
    assert.equal(parseAnswer(line).kind, 'malformed'));
}

for (const line of ['', 'AT+QLATCH?', '+CREG: 1,5', 'RDY', 'OKAY', 'NO ERROR', '+QLATCHX: 1', ' \t']) {
  test(`not ours: ${JSON.stringify(line)}`, () => {
    assert.deepEqual(parseAnswer(line), { kind: 'other', text: line });
  });
}
