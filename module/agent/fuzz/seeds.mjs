// First inputs for the fuzzers, from the protocol's own vectors: node fuzz/seeds.mjs DIRECTORY
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [into = 'build/seeds'] = process.argv.slice(2);
const vectors = join(import.meta.dirname, '../../../protocol/vectors');

for (const [kind, message] of ['token', 'bundle', 'manifest'].entries()) {
  const file = JSON.parse(readFileSync(join(vectors, `${message}.json`), 'utf8'));
  for (const { name, jws } of file.vectors) {
    write('envelope', `${message}-${name}`, Buffer.from(jws, 'latin1'));
    const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url');
    write('message', `${message}-${name}`, Buffer.concat([Buffer.from([kind]), payload]));
  }
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
  'AT+CSQ;+QADBKEY?',
];
for (const [at, line] of lines.entries()) write('at', `line-${at}`, Buffer.from(`${line}\r`));

/** Who speaks, and what: the host, or a modem that answers, takes data, is done. */
const piece = (text, modem) =>
  Buffer.concat([Buffer.from([text.length | (modem ? 0x80 : 0)]), Buffer.from(text)]);
const talks = [
  [piece('AT+CSQ\r'), piece('\r\n+CSQ: 20,99\r\n\r\nOK\r\n', true), piece('AT+QLATCH?\r')],
  [piece('AT+QLINUXCMD="id"\r')],
  [piece('at + qadb key?\r'), piece('A/'), piece('AT+CSQ;+QCFG="usbcfg",0x2C7C\r')],
  [piece('AT+QCFG="usbcfg"\r')],
  [
    piece('ATD123;\r'),
    piece('\r\nCONNECT\r\n', true),
    piece('+QLINUXCMD\r'),
    piece('\r\nNO CARRIER\r\n', true),
  ],
  [piece('AT+CMGS=5\r'), piece('\r\n> ', true), piece('hello +QADBKEY\x1a'), piece('\r\nOK\r\n', true)],
  [piece('AT+QLINUX\bXCMD\r'), piece('ATS5=88\r'), piece('AT+QFLST="\\2BQADBKEY"\r')],
];
for (const [at, talk] of talks.entries()) write('filter', `talk-${at}`, Buffer.concat(talk));

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
const empty = [Buffer.alloc(32, 1), Buffer.alloc(17)];
write('state', 'full', Buffer.concat(full));
write('state', 'empty', Buffer.concat(empty));

function write(fuzzer, name, bytes) {
  mkdirSync(join(into, fuzzer), { recursive: true });
  writeFileSync(join(into, fuzzer, name), bytes);
}
