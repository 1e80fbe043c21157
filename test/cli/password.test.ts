import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fails, ok } from './answers.ts';
import type { Laptop } from './laptop.ts';
import { startWorld, type World } from './world.ts';

const HWID = 'LTE4-00A1B2C3D4E5';
const PASSWORD = /([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}/;

let world: World;
let engineer: Laptop;
let unlock: string;

before(async () => {
  world = await startWorld();
  engineer = await world.enrolled('alice', 'engineer');
  const station = await world.enrolled('line-1', 'station');
  const { atPath } = await world.module(HWID);
  await ok(station.latchkey('provision', '--port', atPath, '--order', 'A-7731', '--json'));
  const asked = ['--port', atPath, '--hwid', HWID, '--reason', 'look at its password', '--json'];
  unlock = (await ok(engineer.latchkey('unlock', ...asked))).unlock.id;
});
after(() => world.stop());

async function reveals(): Promise<number> {
  const search = { unlock, type: 'password.revealed', limit: 99 } as const;
  return (await world.server.services.reader.search(search)).items.length;
}

/** A program of that name, which runs these lines of shell, on a path of its own. */
function programs(t: { after(run: () => void): void }, scripts: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-path-'));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${script.replaceAll('DIR', dir)}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return dir;
}

test('on a terminal the password is shown on a line without end, and erased after 30 seconds', async () => {
  let screen = '';
  const terminal = engineer.terminal((text) => {
    screen += text;
  });
  terminal.stdin = '';
  const ran = await terminal.latchkey('password', unlock);
  assert.equal(ran.exit, 0, ran.stderr);
  assert.match(ran.stdout, new RegExp(`^login root {3}password ${PASSWORD.source}\r\x1b\\[2K$`));
  assert.ok(terminal.pauses.includes(30_000));
  assert.doesNotMatch(ran.stderr, PASSWORD);
  assert.match(screen, /cleared from the screen/);
});

const [ERASED, UP] = ['\u2400', '\u2401'];

/** What a terminal of that width shows after all that was written to it. */
function shownAfter(written: string, columns: number): string[] {
  const rows: string[] = [''];
  let [row, column] = [0, 0];
  for (const piece of written.replaceAll('\x1b[2K', ERASED).replaceAll('\x1b[A', UP)) {
    if (piece === ERASED) rows[row] = '';
    else if (piece === UP) row -= 1;
    else if (piece === '\r') column = 0;
    else {
      if (piece === '\n' || column === columns) [row, column] = [row + 1, 0];
      rows[row] ??= '';
      if (piece === '\n') continue;
      rows[row] =
        `${(rows[row] ?? '').slice(0, column).padEnd(column)}${piece}${(rows[row] ?? '').slice(column + 1)}`;
      column += 1;
    }
  }
  return rows;
}

test('nothing of it is on the terminal afterwards, however narrow that is', async () => {
  for (const columns of [80, 52, 30, 13]) {
    let written = '';
    const terminal = engineer.terminal((text) => {
      written += text;
    });
    terminal.columns = columns;
    const ran = await terminal.latchkey('password', unlock);
    const [password = ''] = PASSWORD.exec(ran.stdout) ?? [];
    assert.equal(password.length, 29);
    const before = shownAfter(written.slice(0, written.lastIndexOf(password) + 29), columns).join('');
    assert.ok(before.includes(password), 'it was there');
    const rest = shownAfter(written, columns).join('');
    for (const group of password.split('-')) assert.ok(!rest.includes(group), JSON.stringify(written));
  }
});

test('a key clears it at once; Ctrl-C too, and says so by its exit code', async () => {
  for (const [key, exit] of [
    ['\r', 0],
    ['\x03', 130],
  ] as const) {
    const terminal = engineer.terminal(() => {});
    terminal.stdin = key;
    terminal.waits = true;
    const ran = await terminal.latchkey('password', unlock);
    assert.equal(ran.exit, exit, ran.stderr);
    assert.ok(ran.stdout.endsWith('\r\x1b[2K'));
  }
});

test('a signal clears it too', async () => {
  const terminal = engineer.terminal((text) => {
    if (PASSWORD.test(text)) setImmediate(() => terminal.interrupt.abort());
  });
  terminal.waits = true;
  const ran = await terminal.latchkey('password', unlock);
  assert.equal(ran.exit, 130);
  assert.ok(ran.stdout.endsWith('\r\x1b[2K'));
});

test('where it could not be cleared again it is not shown, and not revealed, unless --print asks for it', async () => {
  const before = await reveals();
  await fails(engineer.latchkey('password', unlock, '--json'), 2, 'usage');
  assert.equal((await engineer.latchkey('password', unlock)).exit, 2);
  await fails(engineer.latchkey('password', unlock, '--clip', '--print', '--json'), 2, 'usage');
  await fails(engineer.latchkey('password', unlock, '--clip', '--json'), 2, 'clipboard-missing');
  assert.equal(await reveals(), before);
  assert.match((await ok(engineer.latchkey('password', unlock, '--print', '--json'))).password, PASSWORD);
});

test('--clip hands it to the clipboard’s program by standard input, and takes it off again', async (t) => {
  const dir = programs(t, {
    'wl-copy': 'printf "%s\\n" "$*" >> DIR/argv; cat > DIR/held; cat DIR/held >> DIR/all; echo >> DIR/all',
    'wl-paste': 'cat DIR/held',
  });
  engineer.desk = {
    platform: 'linux',
    path: ['/nowhere', dir, '/usr/bin', '/bin'],
    wayland: true,
    x11: false,
    remote: false,
  };
  const said = await ok(engineer.latchkey('password', unlock, '--clip', '--clear-after', '5s', '--json'));
  assert.deepEqual([said.clipboard, said.seconds, Object.hasOwn(said, 'password')], ['wl-copy', 5, false]);
  assert.match(readFileSync(join(dir, 'all'), 'utf8'), new RegExp(`^${PASSWORD.source}\n\n$`));
  assert.equal(readFileSync(join(dir, 'held'), 'utf8'), '');
  assert.equal(readFileSync(join(dir, 'argv'), 'utf8'), '\n\n');
  assert.ok(engineer.pauses.includes(5000));
});

test('what was copied meanwhile stays on the clipboard', async (t) => {
  const dir = programs(t, { xclip: 'case "$*" in *-out) echo mine;; *) cat > DIR/held;; esac' });
  engineer.desk = { platform: 'linux', path: [dir], wayland: false, x11: true, remote: false };
  await ok(engineer.latchkey('password', unlock, '--clip', '--json'));
  assert.match(readFileSync(join(dir, 'held'), 'utf8'), PASSWORD);
});

test('a clipboard that fails is told, and shows nothing', async (t) => {
  const dir = programs(t, { pbcopy: 'exit 1' });
  engineer.desk = { platform: 'darwin', path: [dir], wayland: false, x11: false, remote: false };
  const error = await fails(engineer.latchkey('password', unlock, '--clip', '--json'), 1, 'clipboard-failed');
  assert.doesNotMatch(JSON.stringify(error), PASSWORD);
});

test('on another machine the terminal’s own clipboard is meant: OSC 52, overwritten afterwards', async (t) => {
  const dir = programs(t, { 'wl-copy': 'exit 1' });
  const terminal = engineer.terminal(() => {});
  terminal.desk = { platform: 'linux', path: [dir], wayland: true, x11: false, remote: true };
  const ran = await terminal.latchkey('password', unlock, '--clip');
  assert.equal(ran.exit, 0, ran.stderr);
  const [, ...sequences] = ran.stderr.split('\x1b]52;c;');
  const sent = sequences.map((rest) => Buffer.from(rest.split('\x07')[0] ?? '', 'base64').toString());
  assert.match(sent[0] ?? '', PASSWORD);
  assert.deepEqual(sent.slice(1), [' ']);
  assert.doesNotMatch(ran.stdout + ran.stderr, PASSWORD);
});
