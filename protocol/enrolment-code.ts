import { createHash } from 'node:crypto';
import { decodeBase64url, encodeBase64url } from './base64url.ts';

/** What one paste tells a client that has nothing yet: where the server is, and what to trust. */
export interface EnrolmentCode {
  /** Origin of the api: `https://host:port`. */
  readonly server: string;
  /** SHA-256 over the access CA certificate's DER, base64url. */
  readonly ca: string;
  /** RFC 7638 thumbprints of both root keys. */
  readonly roots: readonly [string, string];
  /** 32 random bytes, base64url; the server takes them once. */
  readonly secret: string;
}

export type EnrolmentCodeFault = 'not-a-code' | 'other-version' | 'mangled';

/** `mangled`: it was a code, but characters were lost or changed on the way here. */
export class EnrolmentCodeError extends Error {
  override readonly name = 'EnrolmentCodeError';
  readonly code: EnrolmentCodeFault;

  constructor(code: EnrolmentCodeFault, message: string) {
    super(message);
    this.code = code;
  }
}

const PREFIX = 'LATCHKEY1-';
const FIELD = 32;
const CHECKSUM = 4;
const LONGEST_ORIGIN = 256;

/**
 * `LATCHKEY1-` and, in base64url: ca, both roots, secret (32 bytes each), the origin in ASCII, and the
 * first 4 bytes of SHA-256 over the prefix and all of that. One word, so that a double click selects it.
 * @throws TypeError where a field is not what EnrolmentCode says: a mistake of the caller's
 */
export function encodeEnrolmentCode(code: EnrolmentCode): string {
  if (!isOrigin(code.server)) throw new TypeError('server is not an https origin');
  const fields = [code.ca, ...code.roots, code.secret].map(decodeBase64url);
  if (fields.some((field) => field?.length !== FIELD)) throw new TypeError('a field is not 32 bytes');
  const body = Buffer.concat([...fields.flatMap((field) => field ?? []), Buffer.from(code.server)]);
  return PREFIX + encodeBase64url(Buffer.concat([body, checksum(body)]));
}

/**
 * White space is left out first: mail programs and terminals break long lines.
 * @throws EnrolmentCodeError
 */
export function decodeEnrolmentCode(paste: string): EnrolmentCode {
  const text = paste.replace(/\s+/g, '');
  const version = /^LATCHKEY(\d+)-/.exec(text)?.[1];
  if (version === undefined) {
    throw new EnrolmentCodeError('not-a-code', `an enrolment code begins with ${PREFIX}`);
  }
  if (!text.startsWith(PREFIX)) {
    throw new EnrolmentCodeError('other-version', `enrolment codes of version ${version} are not known here`);
  }
  const code = readBody(decodeBase64url(text.slice(PREFIX.length)));
  if (code === undefined)
    throw new EnrolmentCodeError('mangled', 'characters of the code are missing or changed');
  return code;
}

function readBody(bytes: Uint8Array | undefined): EnrolmentCode | undefined {
  if (bytes === undefined || bytes.length <= 4 * FIELD + CHECKSUM) return undefined;
  const body = bytes.subarray(0, -CHECKSUM);
  if (!checksum(body).equals(bytes.subarray(-CHECKSUM))) return undefined;
  const field = (place: number) => encodeBase64url(body.subarray(place * FIELD, (place + 1) * FIELD));
  const server = Buffer.from(body.subarray(4 * FIELD)).toString('latin1');
  if (!isOrigin(server)) return undefined;
  return { server, ca: field(0), roots: [field(1), field(2)], secret: field(3) };
}

function checksum(body: Uint8Array): Buffer {
  return createHash('sha256').update(PREFIX).update(body).digest().subarray(0, CHECKSUM);
}

function isOrigin(text: string): boolean {
  if (text.length > LONGEST_ORIGIN || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' && url.origin === text;
}
