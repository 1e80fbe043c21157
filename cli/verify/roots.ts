import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { rsaKey } from '../../protocol/claims.ts';
import { type RsaJwk, rsaJwk } from '../../protocol/jwk.ts';
import { Failure } from '../failure.ts';
import { readText } from '../file.ts';
import { type Home, parseJson } from '../home.ts';
import { demandProfile, readKeptKeys } from '../profile.ts';
import { pinnedRoots } from '../trust.ts';

/** The roots that the home's enrolment code named. @throws Failure where nobody has enrolled */
export function homeRoots(home: Home): RsaJwk[] {
  return pinnedRoots(demandProfile(home).roots, readKeptKeys(home).roots);
}

const KeySet = z.object({ keys: z.array(z.unknown()) });
const root = rsaKey(4096);

/** The roots in files: PEM, as `latchkey-server init` leaves them; JWKs, arrays of them, JWK sets. @throws Failure */
export function fileRoots(files: readonly string[]): RsaJwk[] {
  return files.flatMap((file) => {
    const text = readText(file);
    const json = parseJson(text) ?? pemJwk(text);
    const keys = [KeySet.safeParse(json).data?.keys ?? json].flat().map((value) => root.read(value));
    const found = keys.filter((key) => key !== undefined);
    if (found.length === keys.length && found.length > 0) return found;
    throw new Failure('usage', 'file-unknown', `${file} holds no public RSA-4096 keys, or not only these.`, {
      next: 'Root keys come as PEM, as JWK with kid, or as a JWK set.',
    });
  });
}

function pemJwk(text: string): unknown {
  try {
    return rsaJwk(createPublicKey(text));
  } catch {
    return undefined;
  }
}
