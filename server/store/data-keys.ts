import type { Insertable, Kysely } from 'kysely';
import type { KeyEncryptingKey, Sealer } from '../../keys/keys.ts';
import { makeSealer } from '../../keys/seal.ts';
import { newId } from '../id.ts';
import type { Database } from './schema.ts';

interface Ingredients {
  readonly kek: KeyEncryptingKey;
  readonly clock: () => Date;
  readonly random: (length: number) => Uint8Array;
}

/** A fresh data key as its row, wrapped by the KEK. From its commit on, it seals. */
export function newDataKey({ kek, clock, random }: Ingredients): Insertable<Database['data_keys']> {
  const id = newId({ clock, random });
  return { id, wrapped: kek.wrap(random(32), id), created: clock().toISOString() };
}

/**
 * A sealer over all data keys; their ids are UUIDv7, so the newest is the last.
 * @throws KeyFault where there is none, or the KEK is not the one that wrapped them
 */
export async function loadSealer(
  read: Kysely<Database>,
  { kek, random }: Pick<Ingredients, 'kek' | 'random'>,
): Promise<Sealer> {
  const rows = await read.selectFrom('data_keys').selectAll().orderBy('id').execute();
  const dataKeys = rows.map(({ id, wrapped }) => ({ id, key: kek.unwrap(wrapped, id) }));
  return makeSealer(dataKeys, random);
}
