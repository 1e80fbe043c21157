import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

/** What the demo's server answers to anybody. */
export function publicJson(dir: string, origin: string, path: string): Promise<unknown> {
  const ca = readFileSync(join(dir, 'data/keys/ca.crt'));
  return new Promise((resolve, reject) => {
    get(origin + path, { ca, agent: false }, (answer) => resolve(json(answer))).once('error', reject);
  });
}
