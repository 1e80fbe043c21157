import {
  bytes,
  bytesUpTo,
  type ClaimsOf,
  hwid,
  list,
  logKey,
  nextPassword,
  oneOf,
  optional,
  positive,
  rsaKey,
  type Shape,
  scope,
  text,
  uint,
  uuid7,
} from './claims.ts';
import { isPoint } from './jwk.ts';
import type { Message } from './jws.ts';

const name = text(64);

/** The `aud` of tokens, bundles and certificates. */
export const AUDIENCE = 'latchkey:module';

/** Longest distance of a token's `exp` from its `iat`, and so its longest life, in seconds. */
export const LONGEST_TOKEN = 3600;

/** A challenge's nonce lives this long on the module's monotonic clock, in seconds. */
export const NONCE_LIFE = 600;

/** Module → server: this module, this nonce, wants to be unlocked. */
export const challenge = message('latchkey-challenge+jwt', 'ES256', 768, {
  sub: hwid,
  nonce: bytes(16),
  seq: positive,
  scope,
  for: uint,
  keys: uint,
  pwv: uint,
  fw: name,
  last: optional(uuid7),
});

/** Server → module: open. It lives from 1 to 3600 seconds. */
export const unlockToken = message(
  'latchkey-unlock+jwt',
  'PS256',
  2048,
  {
    iss: name,
    aud: name,
    sub: hwid,
    nonce: bytes(16),
    jti: uuid7,
    iat: uint,
    exp: uint,
    scope,
    for: uint,
    by: name,
    pw: optional(nextPassword),
  },
  ({ iat, exp }) => exp > iat && exp - iat <= LONGEST_TOKEN,
);

/** Why a module refused a token with a good signature. */
export const refusals = [
  'audience',
  'module',
  'nonce',
  'expired',
  'scope',
  'password',
  'storage',
  'service',
] as const;
export type Refusal = (typeof refusals)[number];

/** Why a module closed a session. */
export const closings = ['lock', 'timeout', 'reboot', 'replaced', 'stop', 'service'] as const;
export type Closing = (typeof closings)[number];

const events = ['provisioned', 'opened', 'closed', 'refused'] as const;

/** What `why` may be in each event. */
const reasons: Record<(typeof events)[number], readonly (Refusal | Closing | undefined)[]> = {
  provisioned: [undefined],
  opened: [undefined],
  closed: closings,
  refused: refusals,
};

/** Module → server: what became of a token or a bundle. `why` explains an end, `dig` names a bundle. */
export const receipt = message(
  'latchkey-receipt+jwt',
  'ES256',
  768,
  {
    sub: hwid,
    jti: uuid7,
    event: oneOf(...events),
    why: optional(oneOf(...refusals, ...closings)),
    elapsed: uint,
    seq: positive,
    pwv: uint,
    dig: optional(bytes(32)),
  },
  ({ event, why, dig }) => reasons[event].includes(why) && (dig !== undefined) === (event === 'provisioned'),
);

/** Root → everybody: the issuer and log keys in force, and the roots' successors. No key stands twice. */
export const keyManifest = message(
  'latchkey-keys+jwt',
  'PS256',
  8192,
  {
    iss: name,
    ver: positive,
    keys: list(rsaKey(3072), 1, 3),
    log: list(logKey, 1, 2),
    roots: optional(list(rsaKey(4096), 2, 2)),
  },
  ({ keys, log, roots = [] }) => {
    const kids = [...keys, ...log, ...roots].map((key) => key.kid);
    return new Set(kids).size === kids.length;
  },
);

/** Server → module: belong to this issuer. Without `sub`, `dkt` and `pw` it is the offline bundle. */
export const bundle = message(
  'latchkey-bundle+jwt',
  'PS256',
  2048,
  {
    iss: name,
    aud: name,
    jti: uuid7,
    sub: optional(hwid),
    dkt: optional(bytes(32)),
    pw: optional(nextPassword),
  },
  ({ sub, dkt, pw }) =>
    (sub === undefined) === (dkt === undefined) && (dkt === undefined) === (pw === undefined),
);

/** Module → server: this is the public half of my TLS key; certify it. */
export const csr = message(
  'latchkey-csr+jwt',
  'ES256',
  768,
  { sub: hwid, x: bytes(32), y: bytes(32), seq: positive },
  ({ x, y }) => isPoint(x, y),
);

/** Server → module: the X.509 certificate of your TLS key, in DER. */
export const certificate = message('latchkey-certificate+jwt', 'PS256', 4096, {
  iss: name,
  aud: name,
  sub: hwid,
  dkt: bytes(32),
  crt: bytesUpTo(1536),
});

export type Challenge = ClaimsOf<typeof challenge.shape>;
export type UnlockToken = ClaimsOf<typeof unlockToken.shape>;
export type Receipt = ClaimsOf<typeof receipt.shape>;
export type KeyManifest = ClaimsOf<typeof keyManifest.shape>;
export type Bundle = ClaimsOf<typeof bundle.shape>;
export type Csr = ClaimsOf<typeof csr.shape>;
export type Certificate = ClaimsOf<typeof certificate.shape>;

function message<const S extends Shape>(
  typ: string,
  alg: 'ES256' | 'PS256',
  most: number,
  shape: S,
  agree: (claims: ClaimsOf<S>) => boolean = () => true,
): Message<S> {
  return { typ, alg, most, shape, agree };
}
