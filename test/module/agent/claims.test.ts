import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { bytes, hwid, nextPassword, uuid7 } from '../../../protocol/claims.ts';
import { hex, judge } from './judge.ts';

const folder = resolve(import.meta.dirname, '../../../../protocol/vectors');

interface VectorFile {
  readonly vectors: readonly { readonly jws: string; readonly expect: { readonly accepted: boolean } }[];
}

for (const kind of ['token', 'manifest', 'bundle']) {
  const file: VectorFile = JSON.parse(readFileSync(join(folder, `${kind}.json`), 'utf8'));
  const accepted = file.vectors.filter(({ expect }) => expect.accepted);
  const payloads = new Set(
    accepted.map(({ jws }) => Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()),
  );

  test(`the payload of a ${kind} is whole, or refused without a look past its end (section 4)`, () => {
    const cases = [...payloads].flatMap((payload) =>
      prefixes(payload).map((part) => ['claims', kind, hex(part)]),
    );
    assert.deepEqual(new Set(judge(cases)), new Set(['refused']));
  });

  test(`no integer of a ${kind} is left out (section 4)`, () => {
    const emptied = [...payloads].flatMap((payload) =>
      [...payload.matchAll(/(?<=":)[0-9]+/g)].map(
        ({ 0: digits, index }) => payload.slice(0, index) + payload.slice(index + digits.length),
      ),
    );
    assert.deepEqual(
      new Set(judge(emptied.map((payload) => ['claims', kind, hex(payload)]))),
      new Set(['refused']),
    );
  });
}

/** About a hundred of them, and those that end near the end. */
function prefixes(text: string): string[] {
  const step = Math.ceil(text.length / 100);
  const lengths = Array.from(text, (_, length) => length);
  return lengths
    .filter((length) => length % step === 0 || length > text.length - 200)
    .map((length) => text.slice(0, length));
}

const jti = '01980a3c-5b00-7c1e-8d2f-6a7b8c9d0e1f';
const digest = `${'./09AZaz'.repeat(10)}abcde.`;
const crypt = (rest: string) => `$6$${rest}`;

/** Each text and all that one change makes of it are read as protocol/claims reads them. */
const kinds = {
  hwid: {
    read: hwid.read,
    texts: ['LTE4-00A1B2C3D4E5', 'A.Z_0-9A', 'A'.repeat(64), 'A'.repeat(65), 'A'.repeat(7)],
  },
  uuid7: { read: uuid7.read, texts: [jti, jti.replace('-8', '-b'), ''] },
  crypt: {
    read: (hash: unknown) => nextPassword.read({ ver: 1, hash }),
    texts: [
      `a$${digest}`,
      ...[`a$${digest}`, `${'s'.repeat(16)}$${digest}`, `${'s'.repeat(17)}$${digest}`, `$${digest}`].map(
        crypt,
      ),
      ...[
        `rounds=1000$salt$${digest}`,
        `rounds=999999999$salt$${digest}`,
        `rounds=9999999999$s$${digest}`,
      ].map(crypt),
      ...[`rounds=999$salt$${digest}`, `rounds=0999$salt$${digest}`, `rounds=5000$${digest}`].map(crypt),
      ...[
        `rounds=999$${digest}`,
        `rounds=5000salt$${digest}`,
        `rounds=$salt$${digest}`,
        `rounds$${digest}`,
      ].map(crypt),
      ...[`salt$${digest}$`, `salt$${digest}.`, `salt:${digest}`, `salt${digest}`, 'salt$', 'salt', ''].map(
        crypt,
      ),
    ],
  },
  base64url: {
    read: (text: unknown) =>
      [0, 1, 2, 3, 4].map((length) => bytes(length).read(text)).find((read) => read !== undefined),
    texts: ['', 'A', 'AA', 'AAA', 'AAAA', 'AAAAA', '-_az', '09AZ', 'AAAAAA'],
  },
} as const;

for (const [kind, { read, texts }] of Object.entries(kinds)) {
  test(`latchd reads a ${kind} as protocol/claims does, whatever one character becomes (section 4)`, () => {
    const all = [...new Set(texts.flatMap((text) => [text, ...changes(text)]))];
    const got = judge(all.map((text) => ['is', kind, hex(text)]));
    for (const [at, text] of all.entries()) {
      assert.equal(got[at], read(text) === undefined ? 'refused' : 'taken', JSON.stringify(text));
    }
  });
}

/** Every character another, each of them left out, each cut off with all behind it. */
function changes(text: string): string[] {
  const others = ['\0', ...' $+-./0:;@AGZ[_`agz{~', '1', '7', 'b', 'c', '\x7f', '\xff'];
  return Array.from(text, (_, at) => {
    const [before, after] = [text.slice(0, at), text.slice(at + 1)];
    return [before, before + after, ...others.map((other) => before + other + after)];
  }).flat();
}
