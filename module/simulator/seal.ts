import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { decodeBase64url, encodeBase64url } from '../../protocol/base64url.ts';

const SALT = 32;
const IV = 12;
const TAG = 16;

/**
 * Seals to a hardware ID, as the agent seals its store: AES-256-GCM under HMAC-SHA256(salt, hardware ID).
 * @returns salt, IV, tag and ciphertext in base64url
 */
export function seal(text: string, hwid: string): string {
  const [salt, iv] = [randomBytes(SALT), randomBytes(IV)];
  const cipher = createCipheriv('aes-256-gcm', keyOf(hwid, salt), iv);
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return encodeBase64url(Buffer.concat([salt, iv, cipher.getAuthTag(), sealed]));
}

/** @returns undefined for what was sealed to another hardware ID, or is not whole */
export function unseal(sealed: string, hwid: string): string | undefined {
  const bytes = Buffer.from(decodeBase64url(sealed) ?? []);
  if (bytes.length < SALT + IV + TAG) return undefined;
  const [salt, iv] = [bytes.subarray(0, SALT), bytes.subarray(SALT, SALT + IV)];
  const cipher = createDecipheriv('aes-256-gcm', keyOf(hwid, salt), iv);
  cipher.setAuthTag(bytes.subarray(SALT + IV, SALT + IV + TAG));
  try {
    return Buffer.concat([cipher.update(bytes.subarray(SALT + IV + TAG)), cipher.final()]).toString();
  } catch {
    return undefined;
  }
}

function keyOf(hwid: string, salt: Uint8Array): Uint8Array {
  return createHmac('sha256', salt).update(`latchkey simulator seal 1 ${hwid}`).digest();
}
