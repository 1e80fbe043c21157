// First inputs for the fuzzers, from the protocol's own vectors: node fuzz/seeds.mjs DIRECTORY
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [into = 'build/seeds'] = process.argv.slice(2);
const vectors = join(import.meta.dirname, '../../../protocol/vectors');

for (const [kind, message] of ['token', 'bundle', 'manifest', 'certificate'].entries()) {
  const file = JSON.parse(readFileSync(join(vectors, `${message}.json`), 'utf8'));
  for (const [at, { name, jws }] of file.vectors.entries()) {
    write('envelope', `${message}-${name}`, Buffer.from(jws, 'latin1'));
    const payload = known(file.state, Buffer.from(jws.split('.')[1] ?? '', 'base64url'));
    for (const how of at === 0 ? [0, 0x40, 0x80] : [0]) {
      write('message', `${message}-${name}-${how}`, Buffer.concat([Buffer.from([kind | how]), payload]));
    }
  }
}

/** With the thumbprint that message.c knows, whichever device key the vectors were made with. */
function known({ dkt = '' }, payload) {
  const { state } = JSON.parse(readFileSync(join(vectors, 'bundle.json'), 'utf8'));
  return dkt === '' ? payload : Buffer.from(payload.toString('latin1').replaceAll(dkt, state.dkt), 'latin1');
}

const lines = [
  'AT',
  'ATE0',
  'ate1 I0;',
  'AT+QLATCH=?',
  'at + qlatch ? ; +QLATCH = "lock"',
  'AT+QLATCH="challenge","console",900',
  'AT+QLATCH="challenge","adb",4294967295;+QLATCH="identity"',
  'AT+QLATCH="data",256,"eyJhbGciOiJQUzI1NiJ9"',
  'AT+QLATCH="unlock";+QLATCH="keys";+QLATCH="provision"',
  'AT+QLATCH="receipts",0',
  'AT+QLATCH="csr";+QLATCH="certificate"',
  'AT+CSQ;+QADBKEY?',
];
for (const [at, line] of lines.entries()) write('at', `line-${at}`, Buffer.from(`${line}\r`));

/** Who speaks, and what: the host, or a modem that answers, takes data, is done; and what fuzz/filter.c has besides. */
const piece = (text, modem) =>
  Buffer.concat([Buffer.from([text.length | (modem ? 0x80 : 0)]), Buffer.from(text, 'latin1')]);
const turn = (what) => Buffer.from([0, what]);
const [timePasses, hostGoes, modemGoes, hostRepeats] = [0, 1, 2, 3].map(turn);
const ok = piece('\r\nOK\r\n', true);
const talks = [
  [piece('AT+CSQ\r'), piece('\r\n+CSQ: 20,99\r\n\r\nOK\r\n', true), piece('AT+QLATCH?\r')],
  [piece('AT+CSQ\rAT+QLATCH?;E0I;+QLATCH="lock"\r'), timePasses],
  [piece('AT+CSQ\rAT+QLATCH=?\r'), piece('\r\n', true), ok],
  [piece('AT+QLA\x00TCH?\rAT+QLATCH \b?\r')],
  [piece('AT+QLINUXCMD="id"\r')],
  [piece('at + qadb key?\r'), piece('A/'), piece('AT+CSQ;+QCFG="usbcfg",0x2C7C\r')],
  [piece('AT+QCFG="usbcfg"\r'), piece('AT+CS'), hostGoes, piece('Q\r'), modemGoes],
  [
    piece('ATD123;\r'),
    piece('\r\nCONNECT\r\n', true),
    piece('+QLINUXCMD\r'),
    piece('\r\nNO CARRIER\r\n', true),
  ],
  [piece('AT+CMGS=5\r'), piece('\r\n> ', true), piece('hello +QADBKEY\x1a'), ok],
  [piece('AT+CMGS=5\rhel'), piece('\r\n> ', true), piece('lo\x1aATS5=66\r'), ok, piece('5=66\r')],
  [piece('CONNECT\r'), piece('CONNECT\r', true), piece('ATS0'), ok, piece('5=66\r'), ok],
  [piece('CONNECT\r'), piece('CONNECT\r', true), piece('ATS3=33\rAT+QADX \b\bBKEY\r'), ok],
  [piece('CONNECT\r'), piece('CONNECT\r', true), piece('0123456789'.repeat(12)), hostRepeats],
  [piece('AT+CSQ\x8dATS5=66\r')],
  [piece('AT+QLINUX\bXCMD\r'), piece('ATS5=88\r'), piece('AT+QFLST="\\2BQADBKEY"\r')],
  [piece('ATZ"'.repeat(30)), hostRepeats, piece('\r')],
  [piece('x'.repeat(120)), hostRepeats, piece('\r')],
];
for (const [at, talk] of talks.entries()) {
  for (const how of [0, 16, 16 | 1 | 4, 16 | 3 | 8, 255]) {
    write('filter', `talk-${at}-${how}`, Buffer.concat([Buffer.from([how]), ...talk]));
  }
}

/** A pattern, and what a host types at a modem that reads in many ways. */
const again = '\xff';
const typed = [
  ['+QLINUXCMD', 'AT+CSQ\rAT+QLIN UX"CMD?\r'],
  ['QLINUXCMD', 'AT+QLIN UX"CM'],
  ['QLINUXCMD', 'AT+QLINX \b\bUXC\\4'],
  ['QLINUXCMD', 'AT+Q\\4cINU\\5\b5'],
  ['Q', `AT+QADx${again}${'\b'.repeat(60)}BKE`],
  ['', 'AT+QCFG="usbcfg"\x7f"'],
  ['\\', 'ATS5=66\r'],
  ['+1', 'ATE0S05\bS3'],
  ['x'.repeat(70), 'AT+CSQ;S03?\r'],
  ['+X', 'AT+S5\rATS50=1\rATX\b'],
  ['', `AT+QAD\b${again}BKEY`],
  ['+X', `A${again}\bS5;S3=`],
];
for (const [at, [pattern, line]] of typed.entries()) {
  for (const how of [0, 16, 16 | 1 | 4, 16 | 3 | 8, 255]) {
    write(
      'watch',
      `typed-${at}-${how}`,
      Buffer.from(`${String.fromCharCode(how)}${pattern}\n${line}`, 'latin1'),
    );
  }
}

const roots = JSON.parse(readFileSync(join(vectors, 'manifest.json'), 'utf8')).state.roots;
const jwk = ({ kty, n, e, kid }, last) => JSON.stringify({ kty, n, e, ...(last ? { kid } : {}) });
const files = [
  'LTE4-00A1\n',
  'b2c3d4e5\0',
  '490154203237518\n',
  `${jwk(roots[0], true)}\n`,
  jwk(roots[1], false),
  '# shut\nQLINUXCMD\nQCFG="usbcfg"\n',
];
const settings = [
  '# a module',
  'at = /dev/ttyGS0',
  'modem = /dev/smd8',
  'hwid = /f1 /f2',
  'imei = /f3',
  'firmware = EC25-7',
  'root = /f4',
  'root=/f5',
  'store = /data/latchd',
  'shadow = /etc/shadow',
  'user = root',
  'backdoors = /f6',
  'console.start = /sbin/getty -L  ttyS0 115200',
  'console.stop = /bin/true',
];
/** The configuration without some of its lines, or with others behind them. */
const configurations = [
  [settings, []],
  ...settings.map((line, at) => [settings.toSpliced(at, 1), [line, line]]),
  ...settings.map((_, at) => [settings.toSpliced(at, 1), []]),
  ...[
    ['at = stdio', 'modem = smd8', 'x'],
    ['shadow = /link0', 'nothing = 1', ' = '],
    ['root = /f4', 'root = /f6', 'root = /f9'],
    ['imei = /f1', 'imei = /f9', 'imei = /f0'],
    ['hwid = /f0', 'hwid = /f1 /f1 /f1 /f1 /f1 /f1 /f1 /f1', 'hwid ='],
    ['user = a:b', 'firmware = "', `firmware = ${'f'.repeat(70)}`, `store = ${'/'.repeat(300)}`],
    ['adb.start = bin', 'adb.start = /a 1 2 3 4 5 6 7 8 9 a b c d e f g', 'reset.start = /a', 'adb.go = /a'],
    ['backdoors = /f9', 'backdoors = /f2', `backdoors = ${'/'.repeat(300)}`, `imei = ${'/'.repeat(300)}`],
  ].flatMap((more) => more.map((line) => [[], [line]])),
];
for (const [at, parts] of configurations.entries()) {
  const text = parts.flat().map((line) => `${line}\r\n`);
  write('config', `lines-${at}`, separated([text.join(''), ...files]));
}
for (const [at, file] of files.entries()) {
  const other = files.with(at, file.slice(0, -2));
  write('config', `files-${at}`, separated([settings.join('\n'), ...other]));
}
const same = files.with(4, jwk(roots[0], false));
write('config', 'roots-same', separated([settings.join('\n'), ...same]));
write('config', 'doors-many', separated([settings.join('\n'), ...files.with(5, 'QA\n'.repeat(70))]));

const passwords = [
  '',
  'root:*:19000:0:99999:7:::\ndaemon:*:1::::::\n',
  'daemon:*:1::::::\nroot:$6$salt$hash:19000:0:99999:7:::',
  'toor::\nroot:!',
  'daemon:*:1::::::',
  'root:$6$saltsalt$tkB0ueKhSyBaUoS79CLEvYFIYUl0pDuUCDOwRaM.4ZUbPXhhL6Jq1Q7GnbUKdzB9c1e6zIcFrkcIcWOMgUPC1/:1::::::\n',
];
for (const [at, file] of passwords.entries()) {
  for (let how = 0; how < 16; how++)
    write('shadow', `file-${at}-${how}`, Buffer.from(`${String.fromCharCode(how)}${file}`));
}

/** What a state is made of, in the order of state.c: this one remembers everything that can be. */
const text = (value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const uint = (value, size) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
};
const jti = '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f';
const receipts = [1, 2].map((seq) => Buffer.concat([uint(seq, 4), uint(5, 2), Buffer.from('a.b.c')]));
const full = [
  ...[
    Buffer.alloc(32, 1),
    uint(3, 1),
    uint(256, 4),
    uint(5, 2),
    Buffer.from('a.b.c'),
    Buffer.alloc(1024, 0xff),
  ],
  ...[uint(1, 4), text(`$6$salt$${'.'.repeat(86)}`), text(jti), text(jti), uint(0, 1), uint(900, 4)],
  ...[uint(receipts.length, 1), ...receipts],
];
write('state', 'full', Buffer.concat(full));
/** One with nothing in it, but for what stands in place of its end. */
const device = Buffer.alloc(32, 1);
const bare = (to, ...end) => Buffer.concat([device, Buffer.alloc(to), ...end]);
write('state', 'empty', bare(20));
write('state', 'receipts', bare(19, uint(32, 1), Buffer.alloc(32 * 6)));
write('state', 'receipt-long', bare(19, uint(1, 1), Buffer.alloc(6, 0xff)));
write('state', 'last-long', bare(12, text('a'.repeat(99)), Buffer.alloc(7)));
write('state', 'last-broken', bare(12, text('a\0b'), Buffer.alloc(7)));
write('state', 'roots-short', Buffer.concat([...full.slice(0, 5), Buffer.alloc(1024, 1), ...full.slice(6)]));

/** Files one behind the other, as fuzz/config.c takes them. */
function separated(parts) {
  return Buffer.from(parts.join('\xff'), 'latin1');
}

function write(fuzzer, name, bytes) {
  mkdirSync(join(into, fuzzer), { recursive: true });
  writeFileSync(join(into, fuzzer, name), bytes);
}
