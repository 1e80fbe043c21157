import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  type EcJwk,
  ecJwk,
  isPoint,
  keyObject,
  type OkpJwk,
  okpJwk,
  type RsaJwk,
  rsaJwk,
  thumbprint,
} from '../../protocol/jwk.ts';

test('a thumbprint is that of RFC 7638 (its example, §3.1)', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
  assert.equal(thumbprint({ kty: 'RSA', n, e: 'AQAB' }), 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
});

test('a thumbprint is that of RFC 8037 (its example, appendix A.3)', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const;
  assert.equal(thumbprint(jwk), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
});

test('a device key is hashed over crv, kty, x, y in this order (RFC 7638 §3.2)', () => {
  const jwk = ecJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const text = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`;
  assert.equal(thumbprint(jwk), createHash('sha256').update(text).digest('base64url'));
});

const pairs = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  okp: generateKeyPairSync('ed25519'),
};

test('a key and its JWK lead to each other, from either half of the pair', () => {
  for (const jwk of [rsaJwk(pairs.rsa.publicKey), ecJwk(pairs.ec.publicKey), okpJwk(pairs.okp.publicKey)]) {
    assert.equal(thumbprint(keyObject(jwk).export({ format: 'jwk' }) as typeof jwk), thumbprint(jwk));
  }
  assert.deepEqual(rsaJwk(pairs.rsa.privateKey), rsaJwk(pairs.rsa.publicKey));
});

test('one key has one spelling: padding, leading zeros and trailing bits are refused', () => {
  const rsa = rsaJwk(pairs.rsa.publicKey);
  const ec = ecJwk(pairs.ec.publicKey);
  const okp = okpJwk(pairs.okp.publicKey);
  const respelled: [string, RsaJwk | EcJwk | OkpJwk][] = [
    ['padding', { ...rsa, n: `${rsa.n}=` }],
    ['leading zero', { ...rsa, n: leadingZero(rsa.n) }],
    ['padding', { ...ec, x: `${ec.x}=` }],
    ['leading zero', { ...ec, y: leadingZero(ec.y) }],
    ['trailing bits', { ...ec, x: trailingBit(ec.x) }],
    ['padding', { ...okp, x: `${okp.x}=` }],
    ['trailing bits', { ...okp, x: trailingBit(okp.x) }],
  ];
  for (const [fault, jwk] of respelled)
    assert.throws(() => keyObject(jwk), TypeError, `${jwk.kty} with ${fault}`);
});

test('what makes no key is refused', () => {
  const ec = ecJwk(pairs.ec.publicKey);
  assert.throws(() => keyObject({ ...ec, y: ec.x }), TypeError, 'a point that is not on the curve');
  assert.throws(() => keyObject({ ...okpJwk(pairs.okp.publicKey), x: 'AAAA' }), TypeError);
  assert.throws(() => ecJwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey), TypeError);
  assert.throws(() => ecJwk(pairs.rsa.publicKey), TypeError);
  assert.throws(() => okpJwk(generateKeyPairSync('x25519').publicKey), TypeError);
  assert.throws(
    () => rsaJwk(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey),
    TypeError,
  );
});

/** The prime of P-256's field (FIPS 186-4 §D.1.2.3). */
const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;

test('a point is on P-256, its coordinates below the prime and in their one spelling (SEC 1 §2.3.4)', () => {
  const { x, y } = ecJwk(pairs.ec.publicKey);
  assert.ok(isPoint(x, y));
  const text = (number: bigint) =>
    Buffer.from(number.toString(16).padStart(64, '0'), 'hex').toString('base64url');
  const number = BigInt(`0x${Buffer.from(y, 'base64url').toString('hex')}`);
  assert.ok(isPoint(x, text(P - number)), 'the opposite point');
  // Of x = 0 the curve has a point, y² = b; x = P would be the same one.
  const root = power(B, (P + 1n) / 4n);
  assert.ok(isPoint(text(0n), text(root)));
  const wrong: readonly [string, string, string][] = [
    ['off the curve', x, text(number ^ 1n)],
    ['swapped', y, x],
    ['zero', text(0n), text(0n)],
    ['x not below the prime', text(P), text(root)],
    ['padding', `${x}=`, y],
    ['trailing bits', trailingBit(x), y],
    ['a leading zero', leadingZero(x), y],
    ['a byte moved across', leadingZero(x), Buffer.from(y, 'base64url').subarray(1).toString('base64url')],
    ['nothing', '', ''],
  ];
  for (const [fault, x, y] of wrong) assert.ok(!isPoint(x, y), fault);
});

/** The curve's b. */
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function power(base: bigint, exponent: bigint): bigint {
  if (exponent === 0n) return 1n;
  const half = power(base, exponent / 2n) ** 2n % P;
  return exponent % 2n === 0n ? half : (half * base) % P;
}

function leadingZero(text: string): string {
  return Buffer.concat([Buffer.alloc(1), Buffer.from(text, 'base64url')]).toString('base64url');
}

/** 32 bytes leave two bits of the last character unused; this sets one. */
function trailingBit(text: string): string {
  return text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);
}
