/** The tags before a certificate's key (RFC 5280 §4.1): version, serial, algorithm, issuer, validity, subject. */
const BEFORE_KEY = [0xa0, 0x02, 0x30, 0x30, 0x30, 0x30] as const;

const SEQUENCE = 0x30;

/** AlgorithmIdentifier of an EC key on P-256, and the head of its uncompressed point (RFC 5480 §2). */
const P256 = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

/** The SubjectPublicKeyInfo of a P-256 key, in DER. @param x, y 32 bytes each in base64url */
export function p256PublicKeyInfo(x: string, y: string): Buffer {
  return Buffer.concat([P256, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

/**
 * The bytes of an X.509 certificate's SubjectPublicKeyInfo, at the one place where it can stand: a search for
 * them would also find what a name or an extension holds.
 * @returns undefined where the bytes are not one DER sequence with these elements
 */
export function subjectPublicKeyInfo(der: Uint8Array): Uint8Array | undefined {
  const certificate = element(der, 0, SEQUENCE);
  if (certificate === undefined || certificate.end !== der.length) return undefined;
  const tbs = element(der, certificate.content, SEQUENCE);
  if (tbs === undefined || tbs.end > certificate.end) return undefined;
  let at = tbs.content;
  for (const tag of BEFORE_KEY) {
    const passed = element(der, at, tag);
    if (passed === undefined) return undefined;
    at = passed.end;
  }
  const key = element(der, at, SEQUENCE);
  return key === undefined || key.end > tbs.end ? undefined : der.subarray(at, key.end);
}

/**
 * Where an element of `tag` at `at` has its content and its end, which may lie beyond the bytes; lengths of DER
 * up to 65535 (X.690 §10.1).
 */
function element(der: Uint8Array, at: number, tag: number): { content: number; end: number } | undefined {
  const [found, first = 0x80, high = 0, low = 0] = der.subarray(at, at + 4);
  const [length, head] =
    first < 0x80 ? [first, 2] : first === 0x81 ? [high, 3] : [first === 0x82 ? high * 256 + low : 0, 4];
  const shortest = head === 2 || length >= (head === 3 ? 0x80 : 0x100);
  const content = at + head;
  return found === tag && shortest ? { content, end: content + length } : undefined;
}
