import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { signCheckpoint } from '../../protocol/checkpoint.ts';
import { consistencyProof, inclusionProof, leafHash } from '../../protocol/merkle.ts';
import { formatVerifierKey, noteVerifier } from '../../protocol/note.ts';
import { growTree } from '../protocol/merkle-tree.ts';

/** Checkpoints and proofs before Go's golang.org/x/mod/sumdb/note and tlog, of which we wrote nothing. */

const source = resolve(import.meta.dirname, '../../../test/interop/tlogcheck/main.go');
const dir = mkdtempSync(join(tmpdir(), 'latchkey-tlogcheck-'));
const program = join(dir, 'tlogcheck');
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const signer = {
  ...noteVerifier('latchkey.example/log', publicKey),
  sign: (bytes: Uint8Array) => sign(null, bytes, privateKey),
};

before(() => {
  // Debian's packages put sources under a GOPATH; GOCACHE must be writable and need not be the user's.
  const { PATH } = process.env;
  const env = {
    PATH,
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(dir, 'cache'),
  };
  const built = spawnSync('go', ['build', '-o', program, source], { env, encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
});

after(() => rmSync(dir, { recursive: true }));

for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 1000]) {
  test(`Go accepts the checkpoint and every proof of a tree of ${size} leaves`, async () => {
    await write(size);
    const { status, stdout, stderr } = spawnSync(program, [dir], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^${size} leaves, ${size} inclusion proofs, `));
  });
}

test('Go refuses the same when one leaf, one proof, the root or the key differs', async () => {
  const refused: [string, (files: Files) => Partial<Files>, RegExp][] = [
    ['leaf', (f) => ({ 'leaves.ndjson': f['leaves.ndjson'].replace('"leaf":3', '"leaf":4') }), /make root/],
    ['signature', (f) => ({ checkpoint: f.checkpoint.replace('\n9\n', '\n8\n') }), /invalid signature/],
    ['key', () => ({ 'log.pub': strangerKey() }), /no verifiable signatures/],
    ['inclusion proof', (f) => ({ 'proofs.json': spoil(f, 'inclusion') }), /leaf 0/],
    ['consistency proof', (f) => ({ 'proofs.json': spoil(f, 'consistency') }), /tree of/],
  ];
  for (const [what, change, message] of refused) {
    const files = await write(9);
    for (const [name, text] of Object.entries(change(files))) writeFileSync(join(dir, name), text);
    const { status, stderr } = spawnSync(program, [dir], { encoding: 'utf8' });
    assert.notEqual(status, 0, what);
    assert.match(stderr, message, what);
  }
});

interface Files {
  readonly 'log.pub': string;
  readonly checkpoint: string;
  readonly 'leaves.ndjson': string;
  readonly 'proofs.json': string;
}

async function write(size: number): Promise<Files> {
  const leaves = Array.from({ length: size }, (_, index) => JSON.stringify({ leaf: index }));
  const tree = growTree(leaves.map((leaf) => leafHash(Buffer.from(leaf))));
  // Every older size up to 40 leaves, and some beyond: Go's check takes a while.
  const olds = tree.leafHashes.map((_, index) => index + 1).filter((old) => old <= 40 || old % 37 === 0);
  const files: Files = {
    'log.pub': `${formatVerifierKey(signer)}\n`,
    checkpoint: await signCheckpoint(size, tree.root(size), signer),
    'leaves.ndjson': `${leaves.join('\n')}\n`,
    'proofs.json': JSON.stringify({
      inclusion: leaves.map((_, index) => ({
        index,
        proof: inclusionProof(index, size, tree.hashes).map(base64),
      })),
      consistency: olds.map((old) => ({
        size: old,
        root: base64(tree.root(old)),
        proof: consistencyProof(old, size, tree.hashes).map(base64),
      })),
    }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return files;
}

function spoil(files: Files, kind: 'inclusion' | 'consistency'): string {
  const proofs: Record<typeof kind, { proof: string[] }[]> = JSON.parse(files['proofs.json']);
  for (const { proof } of proofs[kind]) proof.reverse();
  return JSON.stringify(proofs);
}

function strangerKey(): string {
  return `${formatVerifierKey(noteVerifier(signer.name, generateKeyPairSync('ed25519').publicKey))}\n`;
}

function base64(hash: Uint8Array): string {
  return Buffer.from(hash).toString('base64');
}
