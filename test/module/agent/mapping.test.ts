import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../../../..');
const mapping = readFileSync(join(root, 'docs/agent-mapping.md'), 'utf8');

/** Rows as they stand, without the tables' heads, of the suites that do not run here. */
const rows = (mapping.split('## Wycheproof')[0] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (scenario|case)/.test(line));

test('every vector that docs/agent-mapping.md names exists', () => {
  const named = [...mapping.matchAll(/`(token|manifest|bundle|challenge|receipt):([a-z0-9-]+)`/g)];
  assert.ok(named.length > 60);
  for (const [, message = '', name] of named) {
    assert.ok(vectors(message).includes(name ?? ''), `${message}:${name}`);
  }
});

test('every test that docs/agent-mapping.md names exists, in the file it is said to be in', () => {
  let file = '';
  let count = 0;
  for (const [, path, title] of mapping.matchAll(/`(test\/[\w/.-]+\.ts)`|"([^"\n]+)"/g)) {
    if (path !== undefined) {
      assert.ok(existsSync(join(root, path)), path);
      file = path;
    } else if (title !== undefined) {
      assert.ok(readFileSync(join(root, file), 'utf8').includes(title), `${file}: ${title}`);
      count++;
    }
  }
  assert.ok(count > 10);
});

test('every case is covered by something named, or is said not to apply and why', () => {
  for (const row of rows) {
    const answer = row.split('|').at(-2) ?? '';
    assert.match(answer, /`\w+:|`test\/|Not applicable|As the PIK's/, row);
  }
});

function vectors(message: string): string[] {
  const file: { vectors: { name: string }[] } = JSON.parse(
    readFileSync(join(root, 'protocol/vectors', `${message}.json`), 'utf8'),
  );
  return file.vectors.map(({ name }) => name);
}
