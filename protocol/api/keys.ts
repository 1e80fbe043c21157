import { z } from 'zod';
import { Digest, Jws } from './fields.ts';

export const RootKey = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.literal('AQAB'),
  kid: Digest,
});
/** RFC 7517, with the live issuer keys. */
export const Jwks = z.strictObject({
  keys: z.array(RootKey.extend({ use: z.literal('sig'), alg: z.literal('PS256') })),
});
export const KeySet = z.strictObject({ iss: z.string(), roots: z.array(RootKey), manifests: z.array(Jws) });
