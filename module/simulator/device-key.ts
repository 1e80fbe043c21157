import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type EcJwk, ecJwk, thumbprint } from '../../protocol/jwk.ts';
import type { Signer } from '../../protocol/jws.ts';

/** The key that makes this module this module. */
export interface DeviceKey {
  readonly jwk: EcJwk;
  readonly signer: Signer;
}

/** A new P-256 key, PKCS #8 PEM. */
export function makeDeviceKey(): string {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return privateKey;
}

/** @param pem what `makeDeviceKey` gave */
export function readDeviceKey(pem: string): DeviceKey {
  const key: KeyObject = createPrivateKey(pem);
  const jwk = ecJwk(key);
  return {
    jwk,
    signer: {
      alg: 'ES256',
      kid: thumbprint(jwk),
      sign: async (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }),
    },
  };
}
