import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parseAnswer } from '../../../protocol/at/answer.ts';
import { dataCommands, formatCommand } from '../../../protocol/at/command.ts';
import { decodeBase64url } from '../../../protocol/base64url.ts';
import { bytes, hwid as hwidClaim, scope, text } from '../../../protocol/claims.ts';
import type { RsaJwk } from '../../../protocol/jwk.ts';
import { Bench, type Given } from '../bench.ts';
import { testIssuer } from '../issuer.ts';
import type { MakeModule, Placed } from '../under-test.ts';

const folder = resolve(import.meta.dirname, '../../../../protocol/vectors');

/** As much of a vector's state as one kind or another of them has. */
interface VectorState {
  readonly hwid: string;
  readonly iss: string | null;
  readonly keys: readonly RsaJwk[];
  readonly live: { readonly nonce: string; readonly scope: string; readonly for: number } | null;
  readonly pwv: number;
  readonly now?: number | null;
  readonly provisioned: boolean;
  readonly roots: readonly [RsaJwk, RsaJwk];
  readonly held: { readonly jws: string; readonly ver: number } | null;
}

interface Vector {
  readonly name: string;
  readonly rule: string;
  readonly state?: Partial<VectorState>;
  readonly jws: string;
  readonly expect: {
    readonly accepted: boolean;
    readonly cme?: number;
    readonly why?: string;
    readonly nonce?: string;
    /** No AT answer tells the same manifest from a newer one. */
    readonly again?: boolean;
  };
}

/** Every vector that a module can be handed, through its AT port. */
export function vectors(make: MakeModule): void {
  overAt('token', 'unlock', async ({ state, jws }, plain) => {
    const { held, hwid } = placeable(state);
    const now = state.now ?? undefined;
    const live = decodeBase64url(bytes(16).read(state.live?.nonce) ?? '');
    const nonces = live === undefined ? [] : [live];
    const placed = { provisioned: true, held, pwv: state.pwv };
    const bench = await Bench.open(make, { hwid, now, nonces, placed });
    if (state.live !== null) await bench.challenge(scope.read(state.live.scope), state.live.for);
    const got = await act(bench, 'unlock', jws);
    const receipt = (await bench.receipts())[0];
    const why = receipt?.event === 'refused' ? receipt.why : undefined;
    const kept = (await bench.receipts()).length;
    const probe = await act(bench, 'unlock', plain.jws);
    const silent = probe.cme === 911 || (probe.cme === 904 && (await bench.receipts()).length === kept);
    const nonce = silent && state.live !== null ? 'dies' : 'lives';
    return { ...got, ...(why && { why }), nonce };
  });

  const issuerKeys = readVectors('token').state.keys;
  overAt('manifest', 'keys', async ({ state, jws }) => {
    const held =
      state.held === null ? undefined : { iss: 'unlock.example.com', keys: issuerKeys, ver: state.held.ver };
    const manifest = state.held?.jws.includes('.') ? state.held.jws : undefined;
    const bench = await Bench.open(make, {
      roots: state.roots,
      placed: { provisioned: false, held, manifest, pwv: 0 },
    });
    return act(bench, 'keys', jws);
  });

  overAt('bundle', 'provision', async ({ state, jws }) => {
    const { held, hwid } = placeable(state);
    const placed = { provisioned: state.provisioned, held, pwv: state.pwv };
    return act(await Bench.open(make, { hwid, placed }), 'provision', jws);
  });

  overAt('certificate', 'certificate', async ({ state, jws }) => {
    const { held, hwid } = placeable(state);
    // A provisioned module holds a manifest; one that names none of these keys comes to the same as none.
    const strangers = { iss: 'unlock.example.com', keys: [(await testIssuer()).second.jwk], ver: 1 };
    const placed = { provisioned: state.provisioned, held: held ?? strangers, pwv: 0 };
    return act(await Bench.open(make, { hwid, placed }), 'certificate', jws);
  });
}

type Run = (vector: { state: VectorState; jws: string }, plain: Vector) => Promise<object>;

function overAt(name: string, verb: string, run: Run): void {
  const file = readVectors(name);
  const plain = file.vectors[0];
  assert.ok(plain?.expect.accepted);
  // Line ends and quotes cannot stand in a data command, so what holds them cannot reach a module.
  const carried = file.vectors.filter(({ jws }) => /^[ !#-[\]-~]*$/.test(jws));
  test(`${carried.length} of ${file.vectors.length} vectors of ${name}.json by AT+QLATCH="${verb}"`, async () => {
    assert.ok(carried.length >= file.vectors.length - 3);
    for (const vector of carried) {
      const got = await run({ state: { ...file.state, ...vector.state }, jws: vector.jws }, plain);
      assert.deepEqual(got, expected(name, vector), `${vector.name}: ${vector.rule}`);
    }
  });
}

/**
 * A device key's private half is in no vector, so the module's is another: a bundle or certificate for the vectors'
 * device passes every check up to that, and ends there.
 */
function expected(name: string, { expect, jws }: Vector): object {
  const bound =
    name === 'certificate' ? expect.accepted : name === 'bundle' && (expect.accepted || expect.cme === 915);
  const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString();
  if (bound && payload.includes('"dkt"')) return { accepted: false, cme: 903 };
  const { again, ...seen } = expect;
  return seen;
}

async function act(bench: Bench, verb: Given, jws: string) {
  const lines = [...dataCommands(jws).map(formatCommand), `AT+QLATCH="${verb}"`];
  for (const line of lines) {
    const final = (await bench.module.send(line)).map(parseAnswer).at(-1);
    if (final?.kind === 'cme') return { accepted: false, cme: final.code };
    assert.equal(final?.kind, 'ok');
  }
  return { accepted: true };
}

/** A vector may suppose what no module can have, an `iss` of 65 characters say; then its form decides. */
function placeable({ hwid, iss, keys }: VectorState): { hwid: string; held: Placed['held'] } {
  const issuer = iss === null ? undefined : (text(64).read(iss) ?? 'unlock.example.com');
  return {
    hwid: hwidClaim.read(hwid) ?? 'LTE4-00A1B2C3D4E5',
    held: issuer === undefined ? undefined : { iss: issuer, keys, ver: 1 },
  };
}

function readVectors(name: string): { state: VectorState; vectors: readonly Vector[] } {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
}
