import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, judge } from './judge.ts';

const DOORS = ['QADBKEY', 'QCFG="usbcfg",', 'QAB5', '^Z'].map(hex).join(',');

/**
 * One step of a talk: h and m say who speaks, t how long nobody does, g that the modem has gone, r that it reads what
 * waits for it, x that the host has gone, u that latchd has something to say unasked.
 */
type Step = readonly ['h' | 'm', string] | readonly ['t', number] | readonly ['g' | 'r' | 'x' | 'u'];

/** @returns for each talk what has reached the modem, and what the host has heard */
function hear(...talks: readonly (readonly Step[])[]): { modem: string; host: string }[] {
  const spelled = talks.map((steps) =>
    steps.map(([who, what = '']) => who + (who === 't' ? String(what) : hex(String(what)))).join(','),
  );
  return judge(spelled.map((talk) => ['filter', DOORS, talk])).map((answer) => {
    const [modem = '', host = ''] = answer
      .split(' ')
      .map((word) => Buffer.from(word, 'hex').toString('latin1'));
    return { modem, host };
  });
}

const forwarded = (line: string) => ({ modem: line, host: '' });
const SHUT = { modem: '', host: '\r\nERROR\r\n' };
const OWN = /^\r\n\+QLATCH: "unprovisioned",0,"LTE4-00A1B2C3D4E5",0\r\n\r\nOK\r\n$/;
const OK = '\r\nOK\r\n';

for (const [rule, ...lines] of [
  ['in either case', 'AT+QADBKEY?', 'at+qadbkey?', 'At+qAdBkEy=1'],
  [
    'with spaces, quotes and controls in it',
    'AT + Q A D B KEY?',
    'AT+Q"ADB"KEY',
    'AT+QAD\0BKEY',
    'AT+QAD\x1fBKEY',
  ],
  [
    'behind whatever',
    'AT+CSQ;+QADBKEY?',
    'ATE0+QADBKEY',
    'x+QADBKEY',
    '+QADBKEY',
    `AT${'x'.repeat(1100)}+QADBKEY`,
  ],
  ['with its eighth bits', 'AT+QADBKE\xd9', 'AT\xabQADBKEY'],
  [
    'with letters as \\hh',
    'AT+Q\\41DBKEY',
    'AT+\\51\\61\\44\\42\\4b\\65\\79',
    'AT\\2BQADBKEY',
    'AT+QADBKE\\59',
  ],
  ['with digits as \\hh', 'AT+QAB\\35', 'AT+\\51AB5'],
  [
    'with something erased, or not',
    'AT+QADX\bBKEY',
    'AT+QAD\bBKEY',
    'AT+QADX\x7fBKEY',
    'AT+QADX \b\bBKEY',
    'AT+QAD\\4X\b2KEY',
  ],
  ['as the list has it', 'AT+QCFG="usbcfg",0', 'at+qcfg=USBCFG,1', 'AT^Z', 'at^z'],
  ['edited further back than is remembered', `AT+QAD${'x'.repeat(1200)}${'\b'.repeat(1200)}BKEY`],
  [
    'which would change how lines are edited',
    'ATS5=1',
    'ats005=1',
    'AT+CSQ;S5=1',
    'ATS3=1',
    'ATS5',
    'ATE0S5?',
    'AT S 5',
  ],
  ['which may, once it is edited', 'ATE0S0X\b5=66', 'AT+CSQ\bS5=1', 'AT+CSQ\x8dATS5=1'],
  ['that is over-long', `AT${' '.repeat(4100)}`],
] as const) {
  test(`a line is shut: a back door ${rule} (section 5)`, () => {
    const heard = hear(...lines.map((line) => [['h', `${line}\r`]] as const));
    assert.deepEqual(
      heard.map((one, at) => [lines[at], one]),
      lines.map((line) => [line, SHUT]),
    );
  });
}

test('a line that only looks like it goes on untouched, and so does what is no line yet', () => {
  const lines = [
    ...[
      'AT+CSQ\r',
      'at+cops=?\r',
      'AT+QADBKE?\r',
      'AT+CMGS="QADBKEY"\r',
      'AT+QCFG="usbnet",1\r',
      'AT+QCFG="usbcfg"\r',
    ],
    ...[
      'ATS50=1\r',
      'ATS0=5\r',
      'ATS35=1\r',
      'AT+CREGS5=1\r',
      'AT+CFGS3\r',
      'AT^S5=1\r',
      'AT#S5\r',
      'AT$S3\r',
      'AT*S3\r',
      'AT%S5\r',
    ],
    ...[
      'AT+QAB6\r',
      'AT+Q\\41DBKEX\r',
      'AT+Q\\4GDBKEY\r',
      'AT+QADX\r',
      `AT${' '.repeat(4090)}\r`,
      '\r',
      '\n',
      'ATZ\r',
    ],
  ];
  const heard = hear(...lines.map((line) => [['h', line]] as const));
  assert.deepEqual(heard, lines.map(forwarded));
  assert.deepEqual(
    hear(
      [['h', 'AT+CSQ']],
      [
        ['h', 'AT+'],
        ['h', 'CSQ\r'],
      ],
    ),
    [forwarded(''), forwarded('AT+CSQ\r')],
  );
});

test('a back door in pieces is shut: over two lines, and behind one that went on (V.250 §6.2.1)', () => {
  const [lines, own, editing] = hear(
    [
      ['h', 'AT+QAD\n'],
      ['h', 'BKEY\r'],
    ],
    [
      ['h', 'AT+QLA\n'],
      ['m', OK],
      ['h', 'TCH?\r'],
    ],
    [
      ['h', 'ATS\n'],
      ['h', '5=66\r'],
    ],
  );
  assert.equal(lines?.modem, 'AT+QAD\n');
  assert.equal(own?.modem, 'AT+QLA\n');
  assert.equal(editing?.modem, 'ATS\n');
});

test('QLATCH is answered here, wherever it stands in a line, and never reaches the modem', () => {
  for (const line of ['AT+QLATCH?\r', 'at +qlatch ?\n', 'AT+QLATCH?;\r']) {
    const [heard] = hear([['h', line]]);
    assert.equal(heard?.modem, '');
    assert.match(heard?.host ?? '', OWN);
  }
  assert.deepEqual(hear([['h', 'AT+CSQ;+QLATCH?\r']]), [SHUT]);
});

const asked: readonly Step[] = [
  ['h', 'AT+CSQ\r'],
  ['h', 'AT+QLATCH?\r'],
];

test('an answer of its own waits until the modem has ended its answer (V.250 §5.7.1)', () => {
  const finals = [
    'OK',
    'ERROR',
    '+CME ERROR: 3',
    '+CMS ERROR: 500',
    'NO CARRIER',
    'BUSY',
    'NO ANSWER',
    'NO DIALTONE',
  ];
  const others = ['', 'OKAY', '+CSQ: 20,99', 'x OK', '+CME ERROR', 'RING', 'BUSYBOX', 'ERRORS'];
  const said = (word: string): Step[] => [...asked, ['m', `\r\n${word}\r\n`]];
  const own = (heard: { host: string }) => heard.host.includes('+QLATCH: "unprovisioned"');
  assert.deepEqual(
    hear(...finals.map(said)).map(own),
    finals.map(() => true),
  );
  assert.deepEqual(
    hear(...others.map(said)).map(own),
    others.map(() => false),
  );
});

test('a modem that is silent for 5 s, talks for 60 s or has gone is not waited for', () => {
  const talking = (seconds: number): Step[] => [
    ...asked,
    ...Array.from({ length: seconds }, (): Step[] => [
      ['t', 1000],
      ['m', 'x'],
    ]).flat(),
  ];
  const talks: (readonly Step[])[] = [
    ...([
      [...asked, ['t', 4999]],
      [...asked, ['t', 4000], ['m', 'x'], ['t', 4999]],
    ] as Step[][]),
    ...([
      [...asked, ['t', 5000]],
      [...asked, ['g']],
    ] as Step[][]),
    ...[talking(59), talking(60)],
  ];
  const own = hear(...talks).map(({ host }) => host.includes('+QLATCH: "unprovisioned"'));
  assert.deepEqual(own, [false, false, true, true, false, true]);
});

test('what no modem answers is not waited for', () => {
  const [heard] = hear([
    ['h', 'hello\r'],
    ['h', 'AT+QLATCH?\r'],
  ]);
  assert.match(heard?.host ?? '', OWN);
});

for (const [prompt, command] of [
  ['> ', 'AT+CMGS=1\r'],
  ['CONNECT\r\n', 'ATD1\r'],
  ['CONNECT 115200\r\n', 'ATD1\r'],
] as const) {
  test(`after ${JSON.stringify(prompt)} bytes go on as they come, but for the end of a back door (section 5)`, () => {
    const begun: readonly Step[] = [
      ['h', command],
      ['m', `\r\n${prompt}`],
    ];
    const sent = (...steps: readonly Step[]) => hear([...begun, ...steps])[0]?.modem.slice(command.length);
    assert.equal(sent(['h', 'hel'], ['h', 'lo']), 'hello');
    assert.equal(sent(['h', 'x+QADBKEYabc\rdef']), 'x+QADBKE\rdef');
    assert.equal(sent(['h', 'x+QADBKEYabc\ndef']), 'x+QADBKE\ndef');
    assert.equal(sent(['h', 'x+QLATCHabc\rdef']), 'x+QLATC\rdef');
    assert.equal(sent(['h', '\rATS5=66\rdef']), '\rATS5\rdef');
    assert.equal(sent(['h', '\rATS5=66\n=66\rdef']), '\rATS5\n\rdef');
    assert.equal(sent(['h', 'x+QADBKEY\rY\rd']), 'x+QADBKE\r\rd');
    const long = `AT${';x'.repeat(600)};`;
    assert.equal(sent(['h', `\r${long}S5=6\r`]), `\r${long}S5\r`);
    for (const text of ['size=S5=6', '\rATS5x', '\rAT+X=1']) assert.equal(sent(['h', text]), text);
    assert.equal(sent(['m', OK], ['h', 'AT+QADBKEY\r']), '');
    assert.equal(sent(['g'], ['h', 'AT+QADBKEY\r']), '');
  });
}

test('what the host has typed ahead of the prompt is data too, and watched', () => {
  const [heard] = hear([
    ['h', 'AT+CMGS=1\r'],
    ['h', 'ahead+QADBKEY'],
    ['m', '\r\n> '],
    ['h', 'x\rand'],
  ]);
  assert.equal(heard?.modem, 'AT+CMGS=1\rahead+QADBKE\rand');
});

test('data waits while the modem leaves 64 KiB unread, and a line is lost then', () => {
  const much = 'x'.repeat(4000);
  const full: Step[] = [
    ['h', 'ATD1\r'],
    ['m', '\r\nCONNECT\r\n'],
    ...Array.from({ length: 20 }, (): Step => ['h', much]),
  ];
  const [data, line, read] = hear(full, [...full, ['m', OK], ['h', 'AT+CSQ\r']], [...full, ['r']]);
  assert.equal(data?.modem.length, 65_536);
  assert.equal(read?.modem, `ATD1\r${much.repeat(20)}`);
  assert.equal(line?.modem, data?.modem);
});

test('the host hears all that the modem says, and nothing of the agent’s in between data', () => {
  const [heard] = hear([
    ['h', 'ATD1\r'],
    ['m', '\r\nCONNECT\r\n'],
    ['m', 'data'],
    ['h', '\rAT+QLATCH?\r'],
    ['m', 'more'],
  ]);
  assert.equal(heard?.host, '\r\nCONNECT\r\ndatamore');
});

test('unsolicited codes are not said in the middle of data', () => {
  const data: readonly Step[] = [['h', 'ATD1\r'], ['m', '\r\nCONNECT\r\n'], ['u']];
  const [during, after] = hear(data, [...data, ['m', OK], ['u']]);
  assert.equal(during?.host, '\r\nCONNECT\r\n');
  assert.equal(after?.host, `\r\nCONNECT\r\n${OK}\r\n+QLATCHIND: "locked","timeout"\r\n`);
});

test('a line is over with its end: over-long, of a host that has gone, of a modem that has', () => {
  const [overlong, host, modem, results] = hear(
    [
      ['h', `AT${' '.repeat(4100)}\r`],
      ['h', 'AT+CSQ\r'],
    ],
    [['h', 'AT+QAD'], ['x'], ['h', 'AT+CSQ\r']],
    [['h', 'AT+CSQ\r'], ['m', '\r\nO'], ['g'], ...asked, ['m', 'K\r\n']],
    [['h', 'AT+CSQ\r'], ['m', '\r\n+CME ERROR: 3\r\n'], ...asked, ['m', '\r\n']],
  );
  assert.equal(overlong?.modem, 'AT+CSQ\r');
  assert.equal(host?.modem, 'AT+CSQ\r');
  for (const heard of [modem, results]) assert.doesNotMatch(heard?.host ?? '', /unprovisioned/);
});

test('an answer that is asked for again and again while it waits is given once', () => {
  const again = Array.from({ length: 5000 }, (): Step => ['t', 0]);
  const [heard] = hear([...asked, ...again, ['t', 5000]]);
  assert.match(heard?.host ?? '', OWN);
});
