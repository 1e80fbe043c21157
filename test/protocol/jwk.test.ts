import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  type EcJwk,
  ecJwk,
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

function leadingZero(text: string): string {
  return Buffer.concat([Buffer.alloc(1), Buffer.from(text, 'base64url')]).toString('base64url');
}

/** 32 bytes leave two bits of the last character unused; this sets one. */
function trailingBit(text: string): string {
  return text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1);
}
