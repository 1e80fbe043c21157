import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { RsaJwk } from '../../../protocol/jwk.ts';
import { hex, judge } from './judge.ts';

const folder = resolve(import.meta.dirname, '../../../../protocol/vectors');

interface State {
  readonly hwid: string;
  readonly dkt: string;
  readonly iss: string | null;
  readonly keys: readonly RsaJwk[];
  readonly live: { readonly nonce: string; readonly scope: string; readonly for: number } | null;
  readonly pwv: number;
  readonly now?: number | null;
  readonly provisioned: boolean;
  readonly roots: readonly RsaJwk[];
  readonly held: { readonly ver: number } | null;
  readonly tls: { readonly x: string; readonly y: string } | null;
}

interface Vector {
  readonly name: string;
  readonly rule: string;
  readonly state?: Partial<State>;
  readonly jws: string;
  readonly expect: { accepted: boolean; cme?: number; why?: string; nonce?: string; again?: boolean };
}

const kinds: Record<string, (jws: string, state: State, expect: Vector['expect']) => [string[], string]> = {
  token: (jws, { hwid, iss, pwv, now, live, keys }, { cme = 0, why, nonce }) => [
    [
      ...[hwid, hex(iss ?? ''), String(pwv), now == null ? '' : String(now)],
      ...[live?.nonce ?? '', live?.scope ?? '', String(live?.for ?? 0), moduli(keys), hex(jws)],
    ],
    `${cme} ${why ?? '-'} ${nonce}`,
  ],
  manifest: (jws, { held, roots }, { cme = 0 }) => [
    [held === null ? '' : String(held.ver), moduli(roots), hex(jws)],
    String(cme),
  ],
  bundle: (jws, { hwid, dkt, iss, pwv, keys }, { cme = 0 }) => [
    [hwid, dkt, hex(iss ?? ''), String(pwv), moduli(keys), hex(jws)],
    String(cme),
  ],
  certificate: (jws, { hwid, dkt, iss, tls, keys }, { cme = 0 }) => [
    [hwid, dkt, hex(iss ?? ''), tls?.x ?? '', tls?.y ?? '', moduli(keys), hex(jws)],
    String(cme),
  ],
};

for (const [name, words] of Object.entries(kinds)) {
  const file = readVectors(name);
  // What is asked before: whether the module is provisioned, whether this is the manifest that it holds.
  const before = (cme = 0) => cme === 909 || cme === 911;
  const vectors = file.vectors.filter(({ expect }) => !before(expect.cme) && expect.again !== true);
  test(`${vectors.length} vectors of ${name}.json, those too that no AT line can carry (section 4)`, () => {
    const made = vectors.map(({ jws, state, expect }) => words(jws, { ...file.state, ...state }, expect));
    const got = judge(made.map(([given]) => [name, ...given]));
    for (const [at, { name: vector, rule }] of vectors.entries()) {
      assert.equal(got[at], made[at]?.[1], `${vector}: ${rule}`);
    }
  });
}

test('a name of a key has 43 characters of base64url, and where one is none the form is wrong (section 4)', () => {
  const [header = '', ...rest] = readVectors('bundle').vectors[0]?.jws.split('.') ?? [];
  const text = Buffer.from(header, 'base64url').toString();
  const first = text.indexOf('"kid":"') + 7;
  const cases = Array.from({ length: 43 }, (_, at) => {
    const spoilt = `${text.slice(0, first + at)}/${text.slice(first + at + 1)}`;
    return bundleWithoutManifest([Buffer.from(spoilt).toString('base64url'), ...rest].join('.'));
  });
  assert.deepEqual(new Set(judge(cases)), new Set(['901']));
});

test('before the first manifest no bundle has a key, and the form comes first (section 5)', () => {
  const { jws = '' } = readVectors('bundle').vectors[0] ?? {};
  assert.deepEqual(judge([jws, `${jws}=`].map((message) => bundleWithoutManifest(message))), ['905', '901']);
});

function bundleWithoutManifest(jws: string): string[] {
  return ['bundle', 'LTE4-00A1B2C3D4E5', 'x', '', '0', '', hex(jws)];
}

function readVectors(name: string): { state: State; vectors: readonly Vector[] } {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
}

function moduli(keys: readonly RsaJwk[]): string {
  return keys.map(({ n }) => n).join(',');
}
