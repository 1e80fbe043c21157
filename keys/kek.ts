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

/** The KEK, and after it the one that a rotation has begun with, where one has. @throws KeyFault */
export function loadKeks(places: KeyPlaces, random: Random): readonly KeyEncryptingKey[] {
  const kek = makeKek(loadKek(places), random);
  const next = loadNextKek(places, random);
  return next === undefined ? [kek] : [kek, next];
}

/** The KEK that a rotation has begun with; undefined where none has. @throws KeyFault */
export function loadNextKek(places: KeyPlaces, random: Random): KeyEncryptingKey | undefined {
  const next = nextPlace(places);
  return exists(next.kek) ? makeKek(loadKek(next), random) : undefined;
}

/** Begins a rotation; one that was cut off goes on with the KEK that it had made. */
export function beginNextKek(places: KeyPlaces, random: Random): void {
  const { kek } = nextPlace(places);
  if (!exists(kek)) writeOnce(kek, `${encodeBase64url(random(32))}\n`, encodeBase64url(random(6)));
}

/** Ends a rotation: from here on the old KEK is gone. */
export function promoteNextKek(places: KeyPlaces): void {
  renameSync(nextPlace(places).kek, places.kek);
  syncDirectory(dirname(places.kek));
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
