// Writes protocol/vectors/*.json and the examples of docs/protocol.md anew, with new keys: the private halves
// end with this process. With names, only those files and their examples.
//   npm run vectors [-- token challenge …]
import { writeFileSync } from 'node:fs';
import { bundle, bundleVectors } from './vectors/bundle.mjs';
import { certificate, certificateVectors } from './vectors/certificate.mjs';
import { challenge, challengeVectors } from './vectors/challenge.mjs';
import { csr, csrVectors } from './vectors/csr.mjs';
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
  tls: ecKey(),
  strangerTls: ecKey(),
  deviceCa: ecKey(),
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
  csr: csr(keys),
  certificate: certificate(keys),
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in made));
if (unknown !== undefined) throw new Error(`no message is named ${unknown}`);

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
  if (wanted.length > 0 && !wanted.includes(name)) return;
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
write('csr', [...csrVectors(made.csr, keys), ...common('csr', keys.strangerDevice, made.challenge.kind)]);
write('certificate', [
  ...certificateVectors(made.certificate, keys),
  ...common('certificate', keys.stranger, made.bundle.kind),
]);
writeExamples((name, title) => written.get(`${name} ${title}`));
