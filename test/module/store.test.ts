import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Flash } from '../../module/simulator/flash.ts';
import { fileStore } from '../../module/simulator/store.ts';
import { someHash } from './issuer.ts';

const HWID = 'LTE4-00A1B2C3D4E5';

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-store-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, 'flash');
}

test('a store starts empty and gives back what it was given', (t) => {
  const dir = directory(t);
  const store = fileStore(dir);
  assert.equal(store.load(), undefined);
  assert.equal(store.loadPassword(), undefined);
  const flash = new Flash(store, HWID);
  flash.update({ provisioned: true, pw: { ver: 3, hash: someHash('three') } });
  flash.writePassword();
  assert.deepEqual(fileStore(dir).load(), flash.state);
  assert.equal(fileStore(dir).loadPassword(), someHash('three'));
});

test('only the owner reads the device key and the password file', (t) => {
  const dir = directory(t);
  const flash = new Flash(fileStore(dir), HWID);
  flash.update({ pw: { ver: 1, hash: someHash('one') } });
  flash.writePassword();
  const mode = (path: string) => statSync(path).mode & 0o777;
  assert.deepEqual([dir, join(dir, 'state.json'), join(dir, 'shadow')].map(mode), [0o700, 0o600, 0o600]);
});

test('a state that is not whole is refused, never guessed at', (t) => {
  const dir = directory(t);
  const flash = new Flash(fileStore(dir), HWID);
  flash.update({});
  const file = join(dir, 'state.json');
  const whole = readFileSync(file, 'utf8');
  for (const broken of ['', whole.slice(0, -1), '{}', whole.replace('"reserved":0', '"reserved":-1')]) {
    writeFileSync(file, broken);
    assert.throws(() => fileStore(dir).load(), JSON.stringify(broken));
  }
});

test('a directory belongs to one module', (t) => {
  const dir = directory(t);
  new Flash(fileStore(dir), HWID).update({});
  assert.throws(() => new Flash(fileStore(dir), 'LTE4-OTHER'), /is LTE4-00A1B2C3D4E5’s, not LTE4-OTHER’s/);
});

test('a write is on the disk before it takes effect, and its name before it is told (section 4)', (t) => {
  const dir = directory(t);
  fileStore(dir);
  const module = resolve(import.meta.dirname, '../../module/simulator/store.js');
  const program = `import { fileStore } from ${JSON.stringify(module)}; fileStore(${JSON.stringify(dir)}).savePassword('$6$x');`;
  const { stderr, status } = spawnSync(
    'strace',
    ['-f', '-y', '-e', 'trace=write,rename,fsync', process.execPath, '--input-type=module', '-e', program],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  const calls = stderr.split('\n').flatMap((line) => {
    const [, name, path] = /(write|rename|fsync)\((?:\d+<|")([^>"]+)/.exec(line) ?? [];
    return path?.startsWith(dir) ? [`${name} ${path.slice(dir.length)}`] : [];
  });
  assert.deepEqual(calls, ['write /shadow.new', 'fsync /shadow.new', 'rename /shadow.new', 'fsync ']);
});
