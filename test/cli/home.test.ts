import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Home } from '../../cli/home.ts';

test('what a killed command had half written is gone after the next; what a living one writes stays', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-home-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
  const put = (name: string) => writeFileSync(join(dir, name), '{', { mode: 0o600 });
  mkdirSync(join(dir, 'journal'), { mode: 0o700 });
  const living = `journal/b.json.${process.ppid}.new`;
  for (const name of [`log.json.${dead}.new`, `journal/a.json.${dead}.new`, living, 'profile.json.new']) {
    put(name);
  }
  const home = new Home(dir);
  await home.exclusively(new AbortController().signal, async () => {});
  assert.deepEqual(readdirSync(dir).sort(), ['journal', 'lock', 'profile.json.new']);
  assert.deepEqual(readdirSync(join(dir, 'journal')), [`b.json.${process.ppid}.new`]);
  assert.deepEqual(home.list('journal'), []);
});
