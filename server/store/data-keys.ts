import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import { kekOf } from '../../keys/kek.ts';
import type { KeyEncryptingKey } from '../../keys/keys.ts';
import type { DataKey } from '../../keys/seal.ts';
import { newId } from '../id.ts';
import type { Database } from './schema.ts';

interface Ingredients {
  readonly kek: KeyEncryptingKey;
  readonly clock: () => Date;
  readonly random: (length: number) => Uint8Array;
}

export type DataKeyRow = Selectable<Database['data_keys']>;

/**
 * Uses of one data key, at most. NIST SP 800-38D §8.3 allows 2³² seals with random nonces; a quarter of
 * that leaves room for uses that a restored backup has forgotten.
 */
export const MOST_USES = 2 ** 30;

/**
 * A fresh data key as its row, wrapped by the KEK. From its commit on, it seals.
 * @param after id of the newest so far; the new one sorts behind it, whatever became of the clock
 */
export function newDataKey(
  { kek, clock, random }: Ingredients,
  after?: string,
): Insertable<Database['data_keys']> {
  const now = clock();
  const earliest = after === undefined ? 0 : Number.parseInt(after.replace('-', '').slice(0, 12), 16) + 1;
  const id = newId({ clock: () => new Date(Math.max(now.getTime(), earliest)), random });
  return { id, wrapped: kek.wrap(random(32), id), created: now.toISOString(), uses: 0 };
}

/** All data keys; their ids are UUIDv7, so the newest is the last. */
export function readDataKeys(db: Kysely<Database>): Promise<DataKeyRow[]> {
  return db.selectFrom('data_keys').selectAll().orderBy('id').execute();
}

/** @throws KeyFault where one was wrapped by none of the KEKs */
export function unwrapAll(rows: readonly DataKeyRow[], keks: readonly KeyEncryptingKey[]): DataKey[] {
  return rows.map((row) => ({ id: row.id, key: kekOf(keks, row).key }));
}

/** True where the same keys are wrapped by the same KEK: nobody has rotated either. */
export function isUnrotated(before: readonly DataKeyRow[], now: readonly DataKeyRow[]): boolean {
  const same = ({ id, wrapped }: DataKeyRow, place: number) =>
    now[place]?.id === id && Buffer.compare(now[place].wrapped, wrapped) === 0;
  return before.length === now.length && before.every(same);
}

/**
 * Takes uses of a data key before they happen, so that a crash forgets none.
 * @returns false where it has not so many left
 */
export async function reserveUses(db: Kysely<Database>, id: string, count: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('data_keys')
    .set((row) => ({ uses: row('uses', '+', count) }))
    .where('id', '=', id)
    .where('uses', '<=', MOST_USES - count)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function addUses(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('data_keys')
    .addColumn('uses', 'bigint', (column) => column.notNull().defaultTo(sql`0`))
    .execute();
}
