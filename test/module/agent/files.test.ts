import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { judge, judgeProgram } from './judge.ts';

const hash = `$6$salt$${'.'.repeat(86)}`;

/** A directory with a password file, whose replacement is what file_replace does. */
function home(t: TestContext): { dir: string; file: string; aside: string } {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-files-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'shadow');
  writeFileSync(file, 'root:x:1\n', { mode: 0o640 });
  return { dir, file, aside: join(dir, 'shadow.latchd') };
}

const set = (file: string) => judge([['shadow', file, 'root', hash]])[0];

test('a file is replaced by a new one that is on flash before it has the name, and the name after (files.h)', (t) => {
  const { file } = home(t);
  const traced = 'openat,unlinkat,write,fchmod,fsync,rename,renameat,renameat2';
  const { stderr, status } = spawnSync('strace', ['-qq', '-e', `trace=${traced}`, judgeProgram()], {
    input: `shadow ${file} root ${hash}\n`,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const lines = stderr.split('\n');
  const steps = lines.slice(lines.findIndex((line) => line.startsWith('unlinkat')));
  const [, aside] = /"shadow\.latchd".* = ([0-9]+)$/.exec(steps[1] ?? '') ?? [];
  const [, dir] = /^unlinkat\(([0-9]+), "shadow\.latchd"/.exec(steps[0] ?? '') ?? [];
  assert.ok(aside && dir, stderr);
  assert.match(steps[1] ?? '', /O_WRONLY\|O_CREAT\|O_EXCL\|O_NOFOLLOW\|O_CLOEXEC, 0600/);
  const rest = steps.slice(2, 7).map((line) => line.replace(/, .*|\) *=.*/, ''));
  const renamed = `rename(at2?)?\\(${dir}`;
  for (const [at, step] of [
    `fchmod\\(${aside}`,
    `write\\(${aside}`,
    `fsync\\(${aside}`,
    renamed,
    `fsync\\(${dir}`,
  ].entries()) {
    assert.match(rest[at] ?? '', new RegExp(`^${step.replace('(at2?)?', '(?:at2?)?')}$`), stderr);
  }
});

test('what an earlier cut left beside a file is taken away, a link not followed (files.h)', (t) => {
  const { dir, file, aside } = home(t);
  const other = join(dir, 'other');
  writeFileSync(other, 'other');
  symlinkSync(other, aside);
  assert.equal(set(file), 'done');
  assert.equal(readFileSync(other, 'utf8'), 'other');
  assert.ok(lstatSync(file).isFile());
  assert.deepEqual(readdirSync(dir).sort(), ['other', 'shadow']);
});

test('what cannot be taken away is a failure, and the file stays as it was (files.h)', (t) => {
  const { file, aside } = home(t);
  mkdirSync(aside);
  assert.equal(set(file), 'failed');
  assert.equal(readFileSync(file, 'utf8'), 'root:x:1\n');
});

test('what cannot be written whole does not take the name, and leaves nothing beside it (files.h)', (t) => {
  const { dir, file } = home(t);
  // Past this limit a write fails once its signal is ignored, as it does on flash that is full.
  const script = 'trap "" XFSZ; ulimit -f 0; exec "$0"';
  const input = `shadow ${file} root ${hash}\n`;
  const { stdout } = spawnSync('sh', ['-c', script, judgeProgram()], { input, encoding: 'utf8' });
  assert.equal(stdout, 'failed\n');
  assert.equal(readFileSync(file, 'utf8'), 'root:x:1\n');
  assert.deepEqual(readdirSync(dir), ['shadow']);
});
