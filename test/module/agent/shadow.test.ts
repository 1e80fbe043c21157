import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { judge } from './judge.ts';

const hash = `$6$salt$${'.'.repeat(86)}`;

/** @returns what becomes of a password file in a directory of its own, and what latchd says */
function set(t: TestContext, before: string | undefined, user = 'root', password = hash) {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-shadow-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'shadow');
  if (before !== undefined) writeFileSync(file, before, { mode: 0o640 });
  const [said] = judge([['shadow', file, user, password]]);
  return {
    dir,
    file,
    said,
    after: readdirSync(dir).includes('shadow') ? readFileSync(file, 'latin1') : undefined,
  };
}

for (const [rule, before, after] of [
  ['its line', `root:*:1:2:3:::\n`, `root:${hash}:1:2:3:::\n`],
  ['no line of a longer name', `root2:*:1:::\nroot:x:1:::\n`, `root2:*:1:::\nroot:${hash}:1:::\n`],
  ['no line of another name', `toor:*:1:::\nroot:x:1:::\n`, `toor:*:1:::\nroot:${hash}:1:::\n`],
  ['no line of a shorter name', `roo:*:1:::\nroot:x:1:::\n`, `roo:*:1:::\nroot:${hash}:1:::\n`],
  ['no line with the name in another field', `a:root:1\nroot:x:1\n`, `a:root:1\nroot:${hash}:1\n`],
  ['the first of two lines', `root:x:1\nroot:y:2\n`, `root:${hash}:1\nroot:y:2\n`],
  ['a line with no third field', `root:x`, `root:${hash}`],
  ['a line with an empty password', `root::1\n`, `root:${hash}:1\n`],
  ['a line without a password', `root:\na:*:1\n`, `root:${hash}\na:*:1\n`],
  ['a name without a colon, which is no line', `root\n`, `root\nroot:${hash}::0:99999:7:::\n`],
  ['a new line', `a:*:1\n`, `a:*:1\nroot:${hash}::0:99999:7:::\n`],
  ['a new line behind one that does not end', `a:*:1`, `a:*:1\nroot:${hash}::0:99999:7:::\n`],
  ['an empty file', '', `root:${hash}::0:99999:7:::\n`],
  ['a file that is not there', undefined, `root:${hash}::0:99999:7:::\n`],
] as const) {
  test(`a password goes into ${rule} (section 6.4)`, (t) => {
    const { said, after: found } = set(t, before);
    assert.deepEqual([said, found], ['done', after]);
  });
}

for (const [rule, before, after] of [
  ['an empty password', `root::1\n`, `root:!:1\n`],
  ['somebody’s password', `root:${hash}:1\n`, `root:!:1\n`],
  ['what is locked already, by !', `root:!x:1\n`, `root:!x:1\n`],
  ['what is locked already, by *', `root:*:1\n`, `root:*:1\n`],
  ['who has no line', `a::1\n`, `a::1\n`],
  ['a file that is not there', undefined, undefined],
] as const) {
  test(`while no password is in force nobody logs in: ${rule} (section 6.4)`, (t) => {
    const { said, after: found } = set(t, before, 'root', '');
    assert.deepEqual([said, found], ['done', after]);
  });
}

test('a password that is in force already is not written again (section 6.4)', (t) => {
  const { file } = set(t, 'root:x:1\n');
  const { ino } = statSync(file);
  assert.deepEqual(judge([['shadow', file, 'root', hash]]), ['done']);
  assert.equal(statSync(file).ino, ino);
});

test('a password file that cannot be read whole, or would not fit, is left as it is, without a look past its end', (t) => {
  const most = 16_384;
  for (const [text, password] of [
    [`root:${'x'.repeat(200)}:1\n${'#'.repeat(most)}`, hash],
    [`root:x:1\n${'#'.repeat(most - 9)}`, hash],
    [`${'#'.repeat(most - 5)}\nroot`, hash],
    [`${'#'.repeat(most - 6)}\nroot:`, ''],
  ] as const) {
    const { said, after } = set(t, text, 'root', password);
    assert.deepEqual([said, after === text], ['failed', true]);
  }
});

test('a password file keeps its mode, and nothing is left beside it; where it has none it is its owner’s alone', (t) => {
  const { dir, file } = set(t, 'root:x:1\n');
  assert.deepEqual([statSync(file).mode & 0o777, readdirSync(dir)], [0o640, ['shadow']]);
  assert.equal(statSync(set(t, undefined).file).mode & 0o777, 0o600);
});

test('a password file that lies where nothing can be written, or is none, is a failure', (t) => {
  const { dir, file } = set(t, 'root:x:1\n');
  rmSync(file);
  symlinkSync(dir, file);
  const paths = [join(dir, 'none', 'shadow'), file, `/${'x'.repeat(300)}`, join(dir, 'y'.repeat(250))];
  assert.deepEqual(new Set(judge(paths.map((path) => ['shadow', path, 'root', hash]))), new Set(['failed']));
  chmodSync(dir, 0o700);
});
