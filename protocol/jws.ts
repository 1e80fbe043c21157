import { constants, type KeyObject, verify as verifySignature } from 'node:crypto';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { type ClaimsOf, readClaims, type Shape } from './claims.ts';

/** One kind of message: a row of docs/protocol.md's table of messages. */
export interface Message<S extends Shape> {
  readonly typ: string;
  readonly alg: 'ES256' | 'PS256';
  /** The most bytes of the compact form. */
  readonly most: number;
  readonly shape: S;
  /** What the claims owe each other, where the shape of each alone does not say it. */
  agree(claims: ClaimsOf<S>): boolean;
}

/** A key that signs messages; the private half may be elsewhere, for instance in a hardware module. */
export interface Signer {
  readonly alg: 'ES256' | 'PS256';
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  /** The JWS signature over `bytes`: PSS with a 32-byte salt, or r‖s (RFC 7518 §3.4, §3.5). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A compact JWS taken apart. Nothing in it has been proved yet. */
export interface Envelope {
  readonly kid: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly signingInput: Uint8Array;
}

export type MessageFault = 'form' | 'unknown-key' | 'signature';

/** Why a message is refused: `form` (901), `unknown-key` (905) or `signature` (902). */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly code: MessageFault;

  constructor(code: MessageFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** Looks a public key up by `kid` in the verifier's own store. */
export type KeyStore = (kid: string) => KeyObject | undefined;

/**
 * Encodes and signs.
 * @throws TypeError where the claims do not fit the message's shape or size: a mistake of the caller's
 */
export async function signMessage<S extends Shape>(
  message: Message<S>,
  claims: ClaimsOf<S>,
  signer: Signer,
): Promise<string> {
  if (signer.alg !== message.alg) throw new TypeError(`${message.typ} is signed with ${message.alg}`);
  const input = `${encodeText(header(message, signer.kid))}.${encodeText(canonicalPayload(message, claims))}`;
  const jws = `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`;
  if (jws.length > message.most) throw new TypeError(`${message.typ} is over ${message.most} bytes`);
  return jws;
}

/**
 * Takes a compact JWS apart: size, alphabet, and the one header that this message has.
 * The payload stays bytes: nobody reads it before the signature holds.
 * @throws MessageError `form`
 */
export function openEnvelope<S extends Shape>(message: Message<S>, jws: string): Envelope {
  if (jws.length > message.most) throw new MessageError('form', `over ${message.most} bytes`);
  const parts = jws.split('.');
  const [head, body, tail] = parts.map(decodeBase64url);
  if (parts.length !== 3 || head === undefined || body === undefined || tail === undefined) {
    throw new MessageError('form', 'not three parts of canonical base64url');
  }
  const kid = readHeader(message, Buffer.from(head).toString('latin1'));
  if (kid === undefined) throw new MessageError('form', `header is not exactly that of ${message.typ}`);
  const signingInput = Buffer.from(jws.slice(0, jws.lastIndexOf('.')));
  return { kid, payload: body, signature: tail, signingInput };
}

/** True where the signature is `key`'s; PS256 takes a salt of exactly 32 bytes (RFC 7518 §3.5). */
export function signatureHolds<S extends Shape>(
  message: Message<S>,
  envelope: Envelope,
  key: KeyObject,
): boolean {
  if (message.alg === 'PS256') {
    if (key.asymmetricKeyType !== 'rsa') return false;
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    return verifySignature('sha256', envelope.signingInput, { key, ...padding }, envelope.signature);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1' || envelope.signature.length !== 64) return false;
  return verifySignature(
    'sha256',
    envelope.signingInput,
    { key, dsaEncoding: 'ieee-p1363' },
    envelope.signature,
  );
}

/**
 * Finds the key that the header names and holds it against the signature.
 * @throws MessageError `unknown-key` or `signature`
 */
export function checkSignature<S extends Shape>(
  message: Message<S>,
  envelope: Envelope,
  keys: KeyStore,
): void {
  const key = keys(envelope.kid);
  if (key === undefined) throw new MessageError('unknown-key', `no key ${envelope.kid} for ${message.typ}`);
  if (!signatureHolds(message, envelope, key)) throw new MessageError('signature', 'signature does not hold');
}

/**
 * Decodes a payload, encodes it again and compares the bytes.
 * @throws MessageError `form` for whatever is not canonical
 */
export function decodePayload<S extends Shape>(message: Message<S>, payload: Uint8Array): ClaimsOf<S> {
  const claims = readPayload(message, parseJson(payload));
  if (claims === undefined || !Buffer.from(JSON.stringify(claims)).equals(payload)) {
    throw new MessageError('form', `payload is not a canonical ${message.typ}`);
  }
  return claims;
}

/**
 * The whole check of a message: envelope, key, signature, payload, in this order.
 * @throws MessageError
 */
export function verifyMessage<S extends Shape>(
  message: Message<S>,
  jws: string,
  keys: KeyStore,
): ClaimsOf<S> {
  const envelope = openEnvelope(message, jws);
  checkSignature(message, envelope, keys);
  return decodePayload(message, envelope.payload);
}

function canonicalPayload<S extends Shape>(message: Message<S>, claims: ClaimsOf<S>): string {
  const rebuilt = readPayload(message, claims);
  if (rebuilt === undefined) throw new TypeError(`claims do not make a ${message.typ}`);
  return JSON.stringify(rebuilt);
}

/** The claims rebuilt in their order, or undefined where they do not fit the shape or each other. */
function readPayload<S extends Shape>(message: Message<S>, value: unknown): ClaimsOf<S> | undefined {
  const claims = readClaims(message.shape, value);
  return claims !== undefined && message.agree(claims) ? claims : undefined;
}

/** The `kid` of a header that is, byte for byte, the one this message has. */
function readHeader<S extends Shape>(message: Message<S>, text: string): string | undefined {
  const at = `{"alg":"${message.alg}","kid":"`.length;
  const kid = text.slice(at, at + 43);
  return /^[\w-]{43}$/.test(kid) && text === header(message, kid) ? kid : undefined;
}

function header<S extends Shape>(message: Message<S>, kid: string): string {
  return `{"alg":"${message.alg}","kid":"${kid}","typ":"${message.typ}"}`;
}

function encodeText(text: string): string {
  return encodeBase64url(Buffer.from(text));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('latin1'));
  } catch {
    return undefined;
  }
}
