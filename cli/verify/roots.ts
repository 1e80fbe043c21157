import { z } from 'zod';
import { rsaKey } from '../../protocol/claims.ts';
import type { RsaJwk } from '../../protocol/jwk.ts';
import { readText } from '../bench-file.ts';
import { Failure } from '../failure.ts';
import { type Home, parseJson } from '../home.ts';
import { demandProfile, readKeptKeys } from '../profile.ts';
import { pinnedRoots } from '../trust.ts';

/** The roots that the home's enrolment code named. @throws Failure where nobody has enrolled */
export function homeRoots(home: Home): RsaJwk[] {
  return pinnedRoots(demandProfile(home).roots, readKeptKeys(home).roots);
}

const KeySet = z.object({ keys: z.array(z.unknown()) });

/** The roots in files: JWKs, arrays of them or JWK sets. @throws Failure */
export function fileRoots(files: readonly string[]): RsaJwk[] {
  return files.flatMap(readKeys);
}

function readKeys(file: string): RsaJwk[] {
  const content = parseJson(readText(file));
  return [KeySet.safeParse(content).data?.keys ?? content].flat().map((value) => {
    const key = rsaKey(4096).read(value);
    if (key !== undefined) return key;
    throw new Failure(
      'usage',
      'file-unknown',
      `${file} holds something other than public JWKs of RSA-4096 keys.`,
    );
  });
}
