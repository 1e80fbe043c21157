// Writes protocol/vectors/*.json and the examples of docs/protocol.md anew, with new keys: the private halves
// end with this process.
//   npm run vectors
import { writeFileSync } from 'node:fs';
import { bundle, bundleVectors } from './vectors/bundle.mjs';
import { challenge, challengeVectors } from './vectors/challenge.mjs';
import { writeExamples } from './vectors/examples.mjs';
import { envelopeFaults, keyFaults, payloadFaults, signatureFaults } from './vectors/faults.mjs';
import { forge } from './vectors/forge.mjs';
import { manifest, manifestVectors } from './vectors/manifest.mjs';
import { receipt, receiptVectors } from './vectors/receipt.mjs';
import { ecKey, logKey, rsaKey } from './vectors/sign.mjs';
import { token, tokenVectors } from './vectors/token.mjs';

const keys = {
  issuer: rsaKey(3072),
  issuer2: rsaKey(3072),
  issuer3: rsaKey(3072),
  stranger: rsaKey(3072),
  root: rsaKey(4096),
  root2: rsaKey(4096),
  root3: rsaKey(4096),
  root4: rsaKey(4096),
  strangerRoot: rsaKey(4096),
  device: ecKey(),
  strangerDevice: ecKey(),
  log: logKey(),
  log2: logKey(),
  log3: logKey(),
};

const made = {
  token: token(keys),
  challenge: challenge(keys),
  receipt: receipt(keys),
  manifest: manifest(keys),
  bundle: bundle(keys),
};

/** What a fault leads to by where it lies; only a token has a nonce to speak of. */
function verdict(name, cme, nonce) {
  return name === 'token' ? { accepted: false, cme, nonce } : { accepted: false, cme };
}

function common(name, stranger, foreign) {
  const { kind } = made[name];
  const expecting = (expect) => (vector) => [...vector, expect];
  return [
    ...envelopeFaults(kind, foreign).map(expecting(verdict(name, 901, 'lives'))),
    ...keyFaults(kind, stranger).map(expecting(verdict(name, 905, 'lives'))),
    ...signatureFaults(kind, stranger).map(expecting(verdict(name, 902, 'lives'))),
    ...payloadFaults(kind).map(expecting(verdict(name, 901, 'dies'))),
  ];
}

const written = new Map();

function write(name, vectors) {
  const { kind, state } = made[name];
  const seen = new Set();
  const entries = vectors.map(([title, rule, change, expect, changed]) => {
    if (seen.has(title)) throw new Error(`${name} has two vectors ${title}`);
    seen.add(title);
    const jws = forge(kind, change);
    const with_ = typeof changed === 'function' ? changed(jws) : changed;
    return { name: title, rule, ...(with_ && { state: with_ }), jws, expect };
  });
  for (const entry of entries) written.set(`${name} ${entry.name}`, entry.jws);
  const file = { message: name, typ: kind.typ, alg: kind.alg, most: kind.most, state, vectors: entries };
  writeFileSync(`protocol/vectors/${name}.json`, `${JSON.stringify(file, null, 1)}\n`);
  console.log(
    `${name}.json: ${entries.filter((entry) => entry.expect.accepted).length} accepted, ${entries.filter((entry) => !entry.expect.accepted).length} refused`,
  );
}

write('token', [...tokenVectors(made.token, keys), ...common('token', keys.stranger, made.bundle.kind)]);
write('challenge', [
  ...challengeVectors(made.challenge, keys),
  ...common('challenge', keys.strangerDevice, made.receipt.kind),
]);
write('receipt', [
  ...receiptVectors(made.receipt, keys),
  ...common('receipt', keys.strangerDevice, made.challenge.kind),
]);
write('manifest', [
  ...manifestVectors(made.manifest, keys),
  ...common('manifest', keys.strangerRoot, made.bundle.kind),
]);
write('bundle', [...bundleVectors(made.bundle, keys), ...common('bundle', keys.stranger, made.token.kind)]);
writeExamples((name, title) => written.get(`${name} ${title}`));
