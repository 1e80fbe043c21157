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
