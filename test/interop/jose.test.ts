import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { signMessage, verifyMessage } from '../../protocol/jws.ts';
import { type Kind, kinds, signerOf, storeOf } from '../protocol/kinds.ts';

/**
 * Our messages before two JOSE implementations of which we wrote nothing: Python's jwcrypto (over
 * pyca/cryptography) and Debian's `jose` (José, in C over OpenSSL).
 */

const root = resolve(import.meta.dirname, '../../..');
const dir = mkdtempSync(join(tmpdir(), 'latchkey-jose-'));
after(() => rmSync(dir, { recursive: true }));

interface Question {
  readonly jws: string;
  readonly alg: string;
  readonly jwk: object;
}

/** What an implementation makes of messages: each one's payload, or undefined where it refuses. */
type Verifier = (questions: readonly Question[]) => readonly (string | undefined)[];

const implementations: Record<string, Verifier> = { jwcrypto: verifyWithJwcrypto, jose: verifyWithJose };

for (const [name, verify] of Object.entries(implementations)) {
  for (const kind of kinds) {
    const { typ, alg } = kind.message;

    test(`${name} verifies a ${typ}, and not once it has been changed (RFC 7515)`, async () => {
      const jws = await sample(kind);
      const [header = '', payload = '', signature = ''] = jws.split('.');
      const changed = `${header}.${payload}.${signature.slice(0, -4)}${signature.endsWith('AAAA') ? 'AAAB' : 'AAAA'}`;
      const questions = [jws, changed].map((jws) => ({ jws, alg, jwk: publicJwk(kind) }));
      assert.deepEqual(verify(questions), [payload, undefined]);
    });
  }
}

for (const file of ['token', 'challenge', 'receipt', 'manifest', 'bundle']) {
  const { alg, state, vectors } = JSON.parse(
    readFileSync(join(root, `protocol/vectors/${file}.json`), 'utf8'),
  ) as VectorFile;
  const keys = state.roots ?? state.keys ?? [];

  test(`both agree with ${file}.json on which signatures hold (RFC 7518 §3.4, §3.5)`, () => {
    const judged = vectors.filter(isAboutSignature);
    const questions = judged.map(({ name, jws }) => {
      const jwk = keys.find(({ kid }) => kid === kidOf(jws));
      assert.ok(jwk, name);
      return { jws, alg, jwk };
    });
    const expected = judged.map(({ name, expect }) => [name, expect.accepted]);
    for (const verify of Object.values(implementations)) {
      const answers = verify(questions);
      assert.deepEqual(
        judged.map(({ name }, index) => [name, answers[index] !== undefined]),
        expected,
      );
    }
  });
}

test('both compute our thumbprints (RFC 7638)', () => {
  for (const kind of kinds) {
    const jwk = publicJwk(kind);
    const { kid } = signerOf(kind.key);
    assert.deepEqual(jwcrypto([{ thumbprint: jwk }]), [{ thumbprint: kid }]);
    assert.equal(jose(['jwk', 'thp', '-a', 'S256', '-i', fileOf(jwk)]).stdout.trim(), kid);
  }
});

for (const { message, key, claims } of kinds) {
  const { typ, alg } = message;

  test(`a ${typ} that jwcrypto signs verifies here`, async () => {
    const jws = await sample({ message, key, claims });
    const header = JSON.stringify({ alg, kid: signerOf(key).kid, typ });
    const jwk = key.export({ format: 'jwk' });
    const [answer] = jwcrypto([{ sign: jws.split('.')[1], header, jwk }]);
    const theirs = String(answer?.['jws']);
    assert.deepEqual(verifyMessage(message, theirs, storeOf(key)), verifyMessage(message, jws, storeOf(key)));
  });
}

interface VectorFile {
  readonly alg: string;
  readonly state: { readonly keys?: readonly { kid: string }[]; readonly roots?: readonly { kid: string }[] };
  readonly vectors: readonly {
    readonly name: string;
    readonly state?: { readonly keys?: unknown; readonly roots?: unknown };
    readonly jws: string;
    readonly expect: { readonly accepted: boolean; readonly cme?: number };
  }[];
}

function isAboutSignature({ state, expect }: VectorFile['vectors'][number]): boolean {
  const sameKeys = state?.keys === undefined && state?.roots === undefined;
  return sameKeys && (expect.accepted || expect.cme === 902);
}

function verifyWithJwcrypto(questions: readonly Question[]): readonly (string | undefined)[] {
  const answers = jwcrypto(questions.map(({ jws, alg, jwk }) => ({ verify: jws, alg, jwk })));
  return answers.map(({ payload }) => (typeof payload === 'string' ? payload : undefined));
}

/** Debian's own interpreter is the one that has Debian's packages. */
function jwcrypto(requests: readonly object[]): readonly Record<string, unknown>[] {
  const { status, stdout, stderr } = spawnSync(
    '/usr/bin/python3',
    [join(root, 'test/interop/second_opinion.py')],
    { input: requests.map((request) => `${JSON.stringify(request)}\n`).join(''), encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function verifyWithJose(questions: readonly Question[]): readonly (string | undefined)[] {
  const message = join(dir, 'message.jws');
  return questions.map(({ jws, alg, jwk }) => {
    writeFileSync(message, jws);
    const args = ['jws', 'ver', '-i', message, '-k', fileOf({ ...jwk, alg }), '-O', '-'];
    const { status, stdout } = jose(args);
    return status === 0 ? Buffer.from(stdout).toString('base64url') : undefined;
  });
}

function jose(args: string[]) {
  return spawnSync('/usr/bin/jose', args, { encoding: 'utf8' });
}

function fileOf(jwk: object): string {
  const path = join(dir, 'key.jwk');
  writeFileSync(path, JSON.stringify(jwk));
  return path;
}

function publicJwk({ key }: Kind): object {
  return createPublicKey(key).export({ format: 'jwk' });
}

function kidOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()).kid;
}

async function sample({ message, key, claims }: Kind): Promise<string> {
  const [given] = fc.sample(claims, { numRuns: 1, seed: 4 });
  assert.ok(given);
  return signMessage(message, given, signerOf(key));
}
