import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { checkCertificate } from '../../protocol/certificate-check.ts';
import { checkBundle, checkManifest, checkToken } from '../../protocol/checks.ts';
import type { Shape } from '../../protocol/claims.ts';
import { keyObject, type RsaJwk } from '../../protocol/jwk.ts';
import { type KeyStore, type Message, MessageError, verifyMessage } from '../../protocol/jws.ts';
import {
  bundle,
  certificate,
  challenge,
  csr,
  keyManifest,
  receipt,
  unlockToken,
} from '../../protocol/messages.ts';

const folder = resolve(import.meta.dirname, '../../../protocol/vectors');

/** One vector as the file has it; docs/protocol.md says what each member means. */
interface Vector {
  readonly name: string;
  readonly rule: string;
  readonly state?: Record<string, unknown>;
  readonly jws: string;
  readonly expect: { readonly accepted: boolean; readonly cme?: number; readonly [more: string]: unknown };
}

interface VectorFile {
  readonly typ: string;
  readonly alg: string;
  readonly most: number;
  readonly state: Record<string, unknown>;
  readonly vectors: readonly Vector[];
}

/** The state of a vector file, with its keys ready for use. Each check takes the members that it knows. */
type State = Parameters<typeof checkToken>[1] &
  Parameters<typeof checkBundle>[1] &
  Parameters<typeof checkCertificate>[1] &
  Parameters<typeof checkManifest>[1];

type Outcome = Record<string, unknown>;

const kinds: Record<
  string,
  [message: Message<Shape>, check: (jws: string, state: State) => Outcome, least: number]
> = {
  token: [unlockToken, token, 40],
  challenge: [challenge, (jws, state) => signed(challenge, jws, state), 20],
  receipt: [receipt, (jws, state) => signed(receipt, jws, state), 10],
  manifest: [keyManifest, manifest, 10],
  bundle: [bundle, (jws, state) => outcome(checkBundle(jws, state)), 10],
  csr: [csr, (jws, state) => signed(csr, jws, state), 20],
  certificate: [certificate, (jws, state) => outcome(checkCertificate(jws, state)), 20],
};

for (const [name, [message, check, least]] of Object.entries(kinds)) {
  const file = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as VectorFile;

  test(`${name}.json is about this message and has at least ${least} vectors (section 4)`, () => {
    assert.deepEqual([file.typ, file.alg, file.most], [message.typ, message.alg, message.most]);
    assert.ok(file.vectors.length >= least);
    assert.ok(file.vectors.some(({ expect }) => expect.accepted));
  });

  for (const accepted of [true, false]) {
    const vectors = file.vectors.filter(({ expect }) => expect.accepted === accepted);
    test(`${name}.json: ${vectors.length} vectors are ${accepted ? 'accepted' : 'refused, each for its cause'}`, () => {
      const wrong = vectors.flatMap(({ name, rule, state, jws, expect }) => {
        const got = check(jws, stateOf({ ...file.state, ...state }));
        return isDeepStrictEqual(got, expect) ? [] : [{ name, rule, expect, got }];
      });
      assert.deepEqual(wrong, []);
    });
  }
}

function token(jws: string, state: State): Outcome {
  const verdict = checkToken(jws, state);
  if (verdict.ok) return { accepted: true, nonce: 'dies' };
  const { cme, why, jti, nonceDies } = verdict;
  assert.equal(jti === undefined, why === undefined, 'a refused receipt has jti and why');
  return { accepted: false, cme, ...(why && { why }), nonce: nonceDies ? 'dies' : 'lives' };
}

function manifest(jws: string, state: State): Outcome {
  const verdict = checkManifest(jws, state);
  return { ...outcome(verdict), ...(verdict.ok && verdict.again && { again: true }) };
}

function outcome(verdict: { ok: true } | { ok: false; cme: number }): Outcome {
  return verdict.ok ? { accepted: true } : { accepted: false, cme: verdict.cme };
}

/** What the server does with a challenge, a receipt or a csr; the numbers are those of `MessageError`. */
function signed<S extends Shape>(message: Message<S>, jws: string, { keys }: State): Outcome {
  try {
    verifyMessage(message, jws, keys);
    return { accepted: true };
  } catch (error) {
    assert.ok(error instanceof MessageError);
    return { accepted: false, cme: { form: 901, 'unknown-key': 905, signature: 902 }[error.code] };
  }
}

/** JSON says null for what is not there. */
function stateOf({ keys, roots, ...rest }: Record<string, unknown>): State {
  const present = Object.entries(rest).map(([name, value]) => [name, value ?? undefined]);
  return { ...Object.fromEntries(present), keys: store(keys), roots: store(roots) };
}

function store(jwks: unknown): KeyStore {
  const keys = new Map((jwks as RsaJwk[] | undefined)?.map((jwk) => [jwk.kid, keyObject(jwk)]));
  return (kid) => keys.get(kid);
}
