// Makes one message, right in everything but what `change` says.
import { b64 } from './sign.mjs';

/**
 * A kind: { typ, alg, most, claims, key, sign, state }; `change` may replace the claims, the payload's
 * bytes, the header's text, the parts as they are spelled, the key, the signature, or the result.
 */
export function forge(kind, change = {}) {
  const { key, sign, claims } = { ...kind, ...change };
  const header = change.header ?? headerOf(kind, key.kid);
  const payload = change.payload ?? JSON.stringify(claims);
  const input = `${spell(change.spellHeader, header)}.${spell(change.spellPayload, payload)}`;
  const jws = `${input}.${spell(change.spellSignature, sign(key, input))}`;
  return change.finish ? change.finish(jws) : jws;
}

export const headerOf = ({ alg, typ }, kid) => `{"alg":"${alg}","kid":"${kid}","typ":"${typ}"}`;

function spell(change, bytes) {
  const text = b64(bytes);
  return change ? change(text) : text;
}

/** `text` with its one `from` replaced: a fault that did not happen would be a vector that lies. */
export function swap(text, from, to) {
  if (text.split(from).length !== 2) throw new Error(`${from} is not in ${text} exactly once`);
  return text.replace(from, () => to);
}

/** The payload of `kind` with one place changed. */
export const edit = (kind, from, to) => ({ payload: swap(JSON.stringify(kind.claims), from, to) });

/** The claims of `kind` with some replaced; undefined takes a member out. */
export const claims = (kind, changed) => ({ claims: { ...kind.claims, ...changed } });

/** The same bytes with a non-zero bit after the last: base64url that decoders often let through. */
export function trailingBit(text) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  if (text.length % 4 < 2) throw new Error('no spare bits in a whole number of groups');
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1)) + 1];
}

export const padded = (text) => text.padEnd(Math.ceil((text.length + 1) / 4) * 4, '=');

/**
 * A message as long as it may be, and the next longer one. Neither has a signature that holds: what is
 * too long is never canonical either, so its length alone shows only in what is refused first.
 */
export const longest = (kind) => spaces(kind, (room) => Math.floor(room));
export const overLong = (kind) => spaces(kind, (room) => Math.floor(room) + 1);

function spaces({ typ, alg, most, key }, toBytes) {
  const signature = Buffer.alloc(
    alg === 'ES256' ? 64 : key.privateKey.asymmetricKeyDetails.modulusLength / 8,
  );
  const header = headerOf({ alg, typ }, key.kid);
  const room = ((most - b64(header).length - 2 - b64(signature).length) * 3) / 4;
  return { payload: ' '.repeat(toBytes(room)), sign: () => signature };
}
