import { hash, type KeyObject } from 'node:crypto';
import type { ClaimsOf, Shape } from '../../protocol/claims.ts';
import { keyObject } from '../../protocol/jwk.ts';
import { type Message, MessageError, verifyMessage } from '../../protocol/jws.ts';
import { Problem } from '../../protocol/problems.ts';
import type { ModuleRow } from '../store/schema.ts';

type Device = Pick<ModuleRow, 'hwid' | 'dkt' | 'x' | 'y'>;

/**
 * Verifies what a module signed, under the device key in its own row.
 * @throws Problem `invalid-message`
 */
export function verifyDevice<S extends Shape>(message: Message<S>, jws: string, device: Device): ClaimsOf<S> {
  try {
    return verifyMessage(message, jws, (kid) => (kid === device.dkt ? deviceKey(device) : undefined));
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    const what = message.typ.replace(/^latchkey-|\+jwt$/g, '');
    const detail = `The ${what} is not one that module ${device.hwid} signed: ${error.message}. Have the module make a new one.`;
    throw new Problem('invalid-message', detail, { fault: error.code }, error);
  }
}

/** SHA-256 over compact bytes, or over DER, base64url. */
export function digestOf(jws: string | Uint8Array): string {
  return hash('sha256', jws, 'base64url');
}

const imported = new Map<string, KeyObject>();
const MOST_IMPORTED = 10_000;

/** Importing a key costs as much as verifying with it. A thumbprint is of one key for ever. */
function deviceKey({ dkt, x, y }: Device): KeyObject {
  const known = imported.get(dkt);
  if (known !== undefined) return known;
  const key = keyObject({ kty: 'EC', crv: 'P-256', x, y });
  if (imported.size === MOST_IMPORTED) imported.clear();
  imported.set(dkt, key);
  return key;
}
