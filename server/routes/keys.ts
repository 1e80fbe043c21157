import { Jwks, KeySet } from '../../protocol/api/keys.ts';
import { type AnyOperation, noBody, none, operation } from '../operation.ts';

export const keysOperations: readonly AnyOperation[] = [
  operation({
    id: 'getKeys',
    method: 'get',
    path: '/v1/keys',
    summary: 'Root public keys, and the key manifests that a module may need, oldest first',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: KeySet,
    problems: [],
    handle: async (_request, { keys: { iss, roots, manifests } }) => ({
      body: { iss, roots: [...roots], manifests: manifests.map(({ jws }) => jws) },
    }),
  }),
  operation({
    id: 'getJwks',
    method: 'get',
    path: '/.well-known/jwks.json',
    summary: 'The issuer keys that the newest manifest names (RFC 7517)',
    access: 'open',
    params: none,
    query: none,
    body: noBody,
    answer: Jwks,
    problems: [],
    handle: async (_request, { keys: { manifests } }) => ({
      body: {
        keys: (manifests.at(-1)?.claims.keys ?? []).map((jwk) => ({
          ...jwk,
          use: 'sig' as const,
          alg: 'PS256' as const,
        })),
      },
    }),
  }),
];
