import { decodeBase64url } from './base64url.ts';
import { isModulus, type OkpJwk, type RsaJwk, thumbprint } from './jwk.ts';

/**
 * What a claim may be. `read` returns undefined for whatever is not exactly that; the value that it
 * returns is rebuilt member by member, so that encoding it again gives the canonical bytes.
 */
export interface Kind<T> {
  read(value: unknown): T | undefined;
}

/** A claim that may be absent. */
export interface Optional<T> extends Kind<T> {
  readonly optional: true;
}

/** The claims of one message, in their order on the wire. */
export type Shape = Readonly<Record<string, Kind<unknown>>>;

type OptionalNames<S extends Shape> = {
  [K in keyof S]: S[K] extends Optional<unknown> ? K : never;
}[keyof S];
type Read<K> = K extends Kind<infer T> ? T : never;

/** The TypeScript type of a shape's claims. */
export type ClaimsOf<S extends Shape> = { readonly [K in Exclude<keyof S, OptionalNames<S>>]: Read<S[K]> } & {
  readonly [K in OptionalNames<S>]?: Read<S[K]>;
};

/** The claims in their order, or undefined where one is missing, malformed or not in the shape. */
export function readClaims<S extends Shape>(shape: S, value: unknown): ClaimsOf<S> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = new Map<string, unknown>(Object.entries(value));
  const claims: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(shape)) {
    if (!given.has(name)) {
      if ('optional' in kind) continue;
      return undefined;
    }
    const claim = kind.read(given.get(name));
    if (claim === undefined) return undefined;
    claims[name] = claim;
    given.delete(name);
  }
  return given.size === 0 ? (claims as ClaimsOf<S>) : undefined;
}

export function optional<T>(kind: Kind<T>): Optional<T> {
  return { optional: true, read: (value) => kind.read(value) };
}

/** Nested object with its own fixed order. */
export function object<S extends Shape>(shape: S): Kind<ClaimsOf<S>> {
  return { read: (value) => readClaims(shape, value) };
}

export function list<T>(kind: Kind<T>, least: number, most: number): Kind<readonly T[]> {
  return {
    read(value) {
      if (!Array.isArray(value) || value.length < least || value.length > most) return undefined;
      const items = value.map((item) => kind.read(item));
      return items.every((item) => item !== undefined) ? items : undefined;
    },
  };
}

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return { read: (value) => words.find((word) => word === value) };
}

function matching(pattern: RegExp): Kind<string> {
  return { read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined) };
}

/** 1 to `most` printable ASCII characters without `"` and `\`. */
export function text(most: number): Kind<string> {
  return matching(new RegExp(`^[ !#-[\\]-~]{1,${most}}$`));
}

/** Integer from 0 to 2³²−1: the numbers that ToUint32 (ECMA-262 §7.1.7) leaves as they are. */
export const uint: Kind<number> = {
  read: (value) => (typeof value === 'number' && value >>> 0 === value ? value : undefined),
};

/** Integer from 1 to 2³²−1: versions and counters that start at 1. */
export const positive: Kind<number> = { read: (value) => uint.read(value) || undefined };

/** Exactly `length` bytes in base64url. */
export function bytes(length: number): Kind<string> {
  return {
    read: (value) =>
      typeof value === 'string' && decodeBase64url(value)?.length === length ? value : undefined,
  };
}

/** 1 to `most` bytes in base64url. */
export function bytesUpTo(most: number): Kind<string> {
  return {
    read(value) {
      const length = typeof value === 'string' ? (decodeBase64url(value)?.length ?? 0) : 0;
      return length >= 1 && length <= most ? String(value) : undefined;
    },
  };
}

export const hwid: Kind<string> = matching(/^[A-Z0-9._-]{8,64}$/);

/** UUIDv7 in lower case (RFC 9562 §5.7). */
export const uuid7: Kind<string> = matching(
  /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
);

/** Scopes of section 4; `reset` is for officers only. */
export const scopes = ['console', 'adb', 'ssh', 'reset'] as const;
export type Scope = (typeof scopes)[number];
export const scope = oneOf(...scopes);

/**
 * A SHA-512 crypt (`$6$`) hash of a password that the module does not hold yet, with its version.
 * The last of the 86 characters carries two bits, so it is one of four.
 */
export const nextPassword = object({
  ver: positive,
  hash: matching(/^\$6\$(?:rounds=[1-9][0-9]{3,8}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{85}[./01]$/),
});

/** RSA public JWK whose `kid` is its own thumbprint. */
export function rsaKey(bits: 3072 | 4096): Kind<RsaJwk> {
  const members = object({ kty: oneOf('RSA'), n: text(683), e: oneOf('AQAB'), kid: bytes(32) });
  return {
    read(value) {
      const jwk = members.read(value);
      return jwk !== undefined && isModulus(jwk.n, bits) && thumbprint(jwk) === jwk.kid ? jwk : undefined;
    },
  };
}

const logKeyMembers = object({ kty: oneOf('OKP'), crv: oneOf('Ed25519'), x: bytes(32), kid: bytes(32) });

/** Ed25519 public JWK whose `kid` is its own thumbprint. */
export const logKey: Kind<OkpJwk> = {
  read(value) {
    const jwk = logKeyMembers.read(value);
    return jwk !== undefined && thumbprint(jwk) === jwk.kid ? jwk : undefined;
  },
};
