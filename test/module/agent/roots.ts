import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RsaJwk } from '../../../protocol/jwk.ts';

const file = join(resolve(import.meta.dirname, '../../../..'), 'protocol/vectors/manifest.json');

/** Two root keys whose private halves nobody has: for tests in which nothing is signed. */
export function vectorRoots(): readonly [RsaJwk, RsaJwk] {
  return JSON.parse(readFileSync(file, 'utf8')).state.roots;
}
