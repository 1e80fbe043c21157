import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** What each part may import, beside itself and packages. DESIGN section 7: imports point one way. */
const directions: Record<string, readonly string[]> = {
  protocol: [],
  sqlite: [],
  keys: ['protocol'],
  server: ['protocol', 'keys', 'sqlite'],
  cli: ['protocol', 'sqlite'],
  module: ['protocol'],
  web: [],
};

/** protocol/ is pure: of Node's own modules it may use these, none of which does I/O. */
const pureModules = ['node:crypto'];

for (const [part, allowed] of Object.entries(directions)) {
  test(`${part}/ imports only ${['itself', ...allowed].join(', ')}`, () => {
    for (const file of sources(part)) {
      for (const specifier of imports(file)) {
        if (specifier.startsWith('.')) {
          const target = relative(root, resolve(dirname(file), specifier)).split('/')[0] ?? '';
          assert.ok([part, ...allowed].includes(target), `${relative(root, file)} imports ${specifier}`);
        } else if (part === 'protocol' && specifier.startsWith('node:')) {
          assert.ok(pureModules.includes(specifier), `${relative(root, file)} imports ${specifier}`);
        }
      }
    }
  });
}

test('only main.ts files read the environment, and exit', () => {
  for (const part of Object.keys(directions)) {
    for (const file of sources(part)) {
      if (file.endsWith('/main.ts')) continue;
      const found = /process\.(env|exit)\b/.exec(readFileSync(file, 'utf8'));
      assert.equal(found, null, `${relative(root, file)} uses ${found?.[0]}`);
    }
  }
});

function sources(part: string): string[] {
  try {
    return readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
      .map((name) => join(root, part, name));
  } catch {
    return [];
  }
}

function imports(file: string): string[] {
  const found = readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...found].flatMap(([, specifier]) => specifier ?? []);
}
