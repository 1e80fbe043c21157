import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

/** What `npm run guards` takes out: where the lists are wrong it takes out nothing, or something else. */

const root = resolve(import.meta.dirname, '../..');

interface Guard {
  readonly file: string;
  readonly name: string;
  readonly find: string;
  readonly put: string;
}

const { without }: { without: (guard: Guard, text: string) => string } = await import(
  join(root, 'scripts/guards/take.mjs')
);

for (const [folder, list] of [
  ['protocol', 'list.mjs'],
  ['module/agent', 'agent-list.mjs'],
] as const) {
  test(`each guard of scripts/guards/${list} stands exactly once in its file, and is changed`, async () => {
    const { guards }: { guards: readonly Guard[] } = await import(join(root, 'scripts/guards', list));
    assert.ok(guards.length > 0);
    for (const guard of guards) {
      const text = readFileSync(join(root, folder, guard.file), 'utf8');
      assert.notEqual(without(guard, text), text, `${guard.file}: ${guard.name}`);
    }
  });
}
