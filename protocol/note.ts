import { hash, type KeyObject, verify } from 'node:crypto';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { keyObject, okpJwk } from './jwk.ts';

/** C2SP signed-note v1, with Ed25519 signatures (type 0x01) only. */

/** `form`: not a note; `signature`: a known key's does not hold; `unsigned`: none is by a known key. */
export type NoteFault = 'form' | 'signature' | 'unsigned';

export class NoteError extends Error {
  override readonly name = 'NoteError';
  readonly code: NoteFault;

  constructor(code: NoteFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** A key, under the name that its signatures carry. */
export interface NoteVerifier {
  readonly name: string;
  /** Eight hexadecimal digits; tells keys of one name apart, proves nothing. */
  readonly id: string;
  readonly publicKey: KeyObject;
}

/** A key that signs notes. */
export interface NoteSigner extends NoteVerifier {
  /** The Ed25519 signature (RFC 8032), 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

const ED25519 = 0x01;
/** What a reader takes: enough for any checkpoint with many cosignatures. */
const MOST_BYTES = 65_536;
const MOST_SIGNATURES = 64;
/** No Unicode space (JavaScript's \s lacks U+0085) and no plus. */
const NAME = /^[^\s\u0085+]+$/u;

/** @throws TypeError for a name with white space or `+`, or a key that is not Ed25519 */
export function noteVerifier(name: string, publicKey: KeyObject): NoteVerifier {
  if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} cannot name a note's key`);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), keyBytes(publicKey)]), 'hex');
  return { name, id: id.slice(0, 8), publicKey };
}

/** The verifier key line: `name+id+base64(0x01‖key)`. */
export function formatVerifierKey({ name, id, publicKey }: NoteVerifier): string {
  return `${name}+${id}+${keyBytes(publicKey).toString('base64')}`;
}

/** @throws NoteError `form` for whatever formatVerifierKey() would not write */
export function parseVerifierKey(line: string): NoteVerifier {
  const [, name, encoded] = /^([^+]+)\+[0-9a-f]{8}\+(.+)$/.exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || !NAME.test(name) || bytes.length !== 33 || bytes[0] !== ED25519) {
    throw new NoteError('form', 'not the verifier key line of an Ed25519 key');
  }
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: encodeBase64url(bytes.subarray(1)), kid: '' } as const;
  const verifier = noteVerifier(name, keyObject(jwk));
  if (formatVerifierKey(verifier) !== line) {
    throw new NoteError('form', `the key id in the verifier key line of ${name} is not the key's`);
  }
  return verifier;
}

/**
 * The note: text, blank line, one signature line.
 * @throws TypeError for a text that cannot be signed
 */
export async function signNote(text: string, signer: NoteSigner): Promise<string> {
  if (!isText(text)) throw new TypeError('the text of a note is UTF-8 lines without control characters');
  const signature = Buffer.concat([Buffer.from(signer.id, 'hex'), await signer.sign(Buffer.from(text))]);
  return `${text}\n\u2014 ${signer.name} ${signature.toString('base64')}\n`;
}

/**
 * The text of a note that at least one of the verifiers signed. Signatures by other keys are passed
 * over, as the specification demands: they let keys be replaced and witnesses cosign.
 * @throws NoteError
 */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): string {
  const { text, signatures } = parseNote(note);
  let holding = 0;
  for (const { name, id, signature } of signatures) {
    const known = verifiers.find((verifier) => verifier.name === name && verifier.id === id);
    if (known === undefined) continue;
    if (!verify(null, Buffer.from(text), known.publicKey, signature)) {
      throw new NoteError('signature', `the signature of ${name} (key ${id}) does not hold`);
    }
    holding += 1;
  }
  if (holding === 0) throw new NoteError('unsigned', 'the note has no signature by a key that we know');
  return text;
}

interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly signature: Uint8Array;
}

function parseNote(note: string): { text: string; signatures: NoteSignature[] } {
  if (note.length > MOST_BYTES) throw new NoteError('form', `the note is over ${MOST_BYTES} bytes`);
  const blank = note.lastIndexOf('\n\n');
  if (blank < 0 || !isText(note)) throw new NoteError('form', 'not a text, a blank line and signatures');
  const lines = note.slice(blank + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) throw new NoteError('form', `over ${MOST_SIGNATURES} signatures`);
  return { text: note.slice(0, blank + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || !NAME.test(name) || bytes.length < 5 || bytes.toString('base64') !== encoded) {
    throw new NoteError('form', 'a signature line is malformed');
  }
  return { name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) };
}

/** Lines of well-formed Unicode without ASCII control characters, each ended. */
function isText(text: string): boolean {
  return /^[\n -\uffff]*\n$/.test(text) && text.isWellFormed();
}

function keyBytes(publicKey: KeyObject): Buffer {
  const key = decodeBase64url(okpJwk(publicKey).x) ?? new Uint8Array();
  return Buffer.concat([Uint8Array.of(ED25519), key]);
}
