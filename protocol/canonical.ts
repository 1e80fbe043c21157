/** A value that RFC 8785 can canonicalize. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [member: string]: Json | undefined };

/**
 * RFC 8785 canonical JSON. ECMAScript's own number and string forms are the RFC's (§3.2.2);
 * members are sorted by UTF-16 code units (§3.2.3). Members that are undefined are left out.
 * @throws TypeError for numbers that JSON cannot hold, and for lone surrogates
 */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('not a JSON number');
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('lone surrogate');
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
