import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { encodeBase64url } from '../protocol/base64url.ts';
import { KeyFault } from './fault.ts';
import { exists, syncDirectory, writeOnce } from './files.ts';
import type { KeyEncryptingKey } from './keys.ts';
import { loadKek } from './load.ts';
import type { KeyPlaces } from './places.ts';
import { makeKek } from './seal.ts';

/**
 * A rotation writes the new KEK beside the old one, wraps every data key by it in one transaction, and only
 * then moves it to the old one's name. Cut anywhere, one of the two files opens the data keys.
 */
const nextPlace = (places: KeyPlaces): KeyPlaces => ({ ...places, kek: `${places.kek}.next` });

type Random = (length: number) => Uint8Array;

/**
 * The KEK, and after it the one that a rotation has begun with, where one has. What lies in that one's place
 * and is none, as after a disk was full, is a fault once a data key needs it, and not before.
 * @throws KeyFault
 */
export function loadKeks(places: KeyPlaces, random: Random): readonly KeyEncryptingKey[] {
  const kek = makeKek(loadKek(places), random);
  const next = nextOrFault(places, random);
  return next === undefined ? [kek] : [kek, next];
}

function nextOrFault(places: KeyPlaces, random: Random): KeyEncryptingKey | undefined {
  try {
    return loadNextKek(places, random);
  } catch (fault) {
    if (!(fault instanceof KeyFault)) throw fault;
    const refuse = () => {
      throw fault;
    };
    return { wrap: refuse, unwrap: refuse };
  }
}

/** The KEK that a rotation has begun with; undefined where none has. @throws KeyFault */
export function loadNextKek(places: KeyPlaces, random: Random): KeyEncryptingKey | undefined {
  const next = nextPlace(places);
  return exists(next.kek) ? makeKek(loadKek(next), random) : undefined;
}

/**
 * Begins a rotation, with the KEK that lies there: somebody else made it, or a run that was cut off.
 * @throws KeyFault `permissions` where there is none, and this process may make none
 */
export function beginNextKek(places: KeyPlaces, random: Random): void {
  const { kek } = nextPlace(places);
  if (exists(kek)) return;
  try {
    writeOnce(kek, `${encodeBase64url(random(32))}\n`, encodeBase64url(random(6)));
  } catch (cause) {
    if (!(cause instanceof KeyFault) && !isForbidden(cause)) throw cause;
    const how = `make the new KEK as ${kek}, as root made the first: docs/operations.md says how`;
    throw new KeyFault('permissions', `this user may not write into ${dirname(kek)}: ${how}`, cause);
  }
}

/**
 * Ends a rotation: from here on the old KEK is gone.
 * @returns false where this process may not: both stay, and the server works with them
 */
export function promoteNextKek(places: KeyPlaces): boolean {
  try {
    renameSync(nextPlace(places).kek, places.kek);
  } catch (error) {
    if (isForbidden(error)) return false;
    throw error;
  }
  syncDirectory(dirname(places.kek));
  return true;
}

/** The directory is root's, or a mount that cannot be written. */
function isForbidden(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && /^(?:EACCES|EPERM|EROFS|EBUSY)$/.test(String(error.code))
  );
}

/**
 * The KEK that wrapped a data key.
 * @throws KeyFault `mismatch` where none of them did
 */
export function kekOf(
  keks: readonly KeyEncryptingKey[],
  { id, wrapped }: { readonly id: string; readonly wrapped: Uint8Array },
): { readonly kek: KeyEncryptingKey; readonly key: Uint8Array } {
  let fault = new KeyFault('missing', 'there is no KEK');
  for (const kek of keks) {
    try {
      return { kek, key: kek.unwrap(wrapped, id) };
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error;
      fault = error;
    }
  }
  throw fault;
}
