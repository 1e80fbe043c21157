// Keys and signatures for the vectors, right and wrong ones. Written against the RFCs and not against
// protocol/, so that the two do not share a mistake. Private keys live as long as the process.
import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';

export const b64 = (bytes) => Buffer.from(bytes).toString('base64url');

/** RFC 7638: SHA-256 over the required members in lexicographic order. */
export const thumbprint = (members) =>
  b64(
    createHash('sha256')
      .update(
        JSON.stringify(Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)))),
      )
      .digest(),
  );

function madeKey([type, options], members) {
  const { privateKey } = generateKeyPairSync(type, options);
  const exported = createPublicKey(privateKey).export({ format: 'jwk' });
  const required = Object.fromEntries(members.map((name) => [name, exported[name]]));
  const kid = thumbprint(required);
  return { privateKey, kid, jwk: { ...required, kid } };
}

export const rsaKey = (modulusLength, publicExponent = 65537) =>
  madeKey(['rsa', { modulusLength, publicExponent }], ['kty', 'n', 'e']);
export const ecKey = (namedCurve = 'P-256') => madeKey(['ec', { namedCurve }], ['kty', 'crv', 'x', 'y']);
export const logKey = (type = 'ed25519') => madeKey([type], ['kty', 'crv', 'x']);

/** RSASSA-PSS as RFC 8017 §8.1 builds it, with everything that RFC 7518 §3.5 fixes left open. */
export const pss =
  ({ hash = 'sha256', mgf = hash, salt = 32, trailer = 0xbc } = {}) =>
  ({ privateKey }, input) => {
    const size = privateKey.asymmetricKeyDetails.modulusLength / 8;
    const seed = randomBytes(salt);
    const digest = createHash(hash).update(input).digest();
    const h = createHash(hash)
      .update(Buffer.concat([Buffer.alloc(8), digest, seed]))
      .digest();
    const db = Buffer.alloc(size - h.length - 1);
    seed.copy(db, db.length - salt);
    db[db.length - salt - 1] = 1;
    const mask = mgf1(mgf, h, db.length);
    for (let i = 0; i < db.length; i++) db[i] ^= mask[i];
    db[0] &= 0x7f;
    const encoded = Buffer.concat([db, h, Buffer.from([trailer])]);
    return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
  };

function mgf1(hash, seed, length) {
  const blocks = [];
  for (let size = 0, i = 0; size < length; size += blocks[i++].length) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    blocks.push(
      createHash(hash)
        .update(Buffer.concat([seed, counter]))
        .digest(),
    );
  }
  return Buffer.concat(blocks);
}

/** RSASSA-PKCS1-v1_5, what RS256 would be. */
export const pkcs1 = ({ privateKey }, input) => sign('sha256', Buffer.from(input), privateKey);

/** A representative of s + n: the same residue, of the same length, that RFC 8017 §8.1.2 refuses. */
export function pssPlusModulus(key, input) {
  const n = toInteger(Buffer.from(key.jwk.n, 'base64url'));
  const size = key.privateKey.asymmetricKeyDetails.modulusLength / 8;
  for (;;) {
    const s = toInteger(pss()(key, input)) + n;
    if (s < 1n << BigInt(size * 8)) return toBytes(s, size);
  }
}

/** ECDSA with r‖s (RFC 7518 §3.4). */
export const ecdsa =
  (hash = 'sha256') =>
  ({ privateKey }, input) =>
    sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });

/** ECDSA as X.509 has it: a DER sequence. */
export const ecdsaDer = ({ privateKey }, input) => sign('sha256', Buffer.from(input), privateKey);

const P256_ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** ECDSA whose s is in the upper or the lower half of the order: both hold (RFC 7518 asks for neither). */
export const ecdsaHalf = (half) => (key, input) => {
  const signature = ecdsa()(key, input);
  const s = toInteger(signature.subarray(32));
  const high = s > P256_ORDER / 2n;
  return Buffer.concat([
    signature.subarray(0, 32),
    toBytes(high === (half === 'high') ? s : P256_ORDER - s, 32),
  ]);
};

/** r‖s with r or s set to a number that no signature has: 0, or the group's order. */
export const ecdsaWith = (half, number) => (key, input) => {
  const signature = Buffer.from(ecdsa()(key, input));
  toBytes(number === 'order' ? P256_ORDER : number, 32).copy(signature, half === 'r' ? 0 : 32);
  return signature;
};

/** HS256 under the public key's PEM: the oldest of the algorithm confusions. */
export const hmac = ({ privateKey }, input) =>
  createHmac('sha256', createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }))
    .update(input)
    .digest();

const toInteger = (bytes) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const toBytes = (number, size) =>
  Buffer.from(
    BigInt(number)
      .toString(16)
      .padStart(size * 2, '0'),
    'hex',
  );
